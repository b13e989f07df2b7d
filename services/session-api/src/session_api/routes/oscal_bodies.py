"""The part of NIST's OSCAL assessment results that reports use. Names of members are those of OSCAL 1.1.3."""

from datetime import datetime

from msgspec import Struct, field

OSCAL_VERSION = "1.1.3"


class Property(Struct, kw_only=True):
    """A named value; ``ns`` says who gives the name its meaning."""

    name: str
    ns: str
    value: str


class Party(Struct, kw_only=True):
    """A person or an organization."""

    uuid: str
    type: str
    name: str


class Metadata(Struct, kw_only=True, rename="kebab", omit_defaults=True):
    """About the document."""

    title: str
    last_modified: datetime
    version: str
    oscal_version: str
    parties: list[Party]


class Reference(Struct, kw_only=True):
    """The address of another document, or ``#`` with the id of a resource of this one."""

    href: str


class Control(Struct, kw_only=True, rename="kebab"):
    """A control that was reviewed, or not: a task type."""

    control_id: str


class ControlSelection(Struct, kw_only=True, rename="kebab", omit_defaults=True):
    """The controls that were reviewed, and those that were not."""

    description: str
    include_controls: list[Control] | None = None
    include_all: dict[str, str] | None = None
    exclude_controls: list[Control] | None = None


class ReviewedControls(Struct, kw_only=True, rename="kebab"):
    """All selections."""

    control_selections: list[ControlSelection]


class RelevantEvidence(Struct, kw_only=True):
    """The address of the evidence of an observation."""

    href: str
    description: str


class Observation(Struct, kw_only=True, rename="kebab", omit_defaults=True):
    """The result of a task, and the time until which it is valid."""

    uuid: str
    title: str
    description: str
    props: list[Property]
    methods: list[str]
    relevant_evidence: list[RelevantEvidence]
    collected: datetime
    expires: datetime


class ObjectiveStatus(Struct, kw_only=True):
    """``satisfied`` or ``not-satisfied``, and whether a verdict said so or something else."""

    state: str
    reason: str


class Target(Struct, kw_only=True, rename="kebab"):
    """The objective of a finding: that the task type is ok."""

    type: str
    target_id: str
    status: ObjectiveStatus


class RelatedObservation(Struct, kw_only=True, rename="kebab"):
    """The observation behind a finding."""

    observation_uuid: str


class OscalFinding(Struct, kw_only=True, rename="kebab", omit_defaults=True):
    """The verdict on one objective."""

    uuid: str
    title: str
    description: str
    target: Target
    related_observations: list[RelatedObservation]
    remarks: str | None = None


class Result(Struct, kw_only=True, rename="kebab", omit_defaults=True):
    """The results of one session."""

    uuid: str
    title: str
    description: str
    start: datetime
    end: datetime
    props: list[Property]
    reviewed_controls: ReviewedControls
    observations: list[Observation] | None = None
    findings: list[OscalFinding] | None = None
    remarks: str | None = None


class Resource(Struct, kw_only=True):
    """Something that the document refers to."""

    uuid: str
    title: str
    description: str


class BackMatter(Struct, kw_only=True):
    """All resources."""

    resources: list[Resource]


class AssessmentResults(Struct, kw_only=True, rename="kebab"):
    """The results of assessments."""

    uuid: str
    metadata: Metadata
    import_ap: Reference
    results: list[Result]
    back_matter: BackMatter


class OscalDocument(Struct, kw_only=True):
    """The document."""

    assessment_results: AssessmentResults = field(name="assessment-results")
