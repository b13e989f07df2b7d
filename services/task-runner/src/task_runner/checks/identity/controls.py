"""The grant controls of a Conditional Access policy: what it requires of a sign-in.

Source of the values: https://learn.microsoft.com/graph/api/resources/conditionalaccessgrantcontrols
"""

from enum import StrEnum

import msgspec

from task_runner.providers.fields import Fields

PHISHING_RESISTANT = "00000000-0000-0000-0000-000000000004"
"""Id of the built-in authentication strength “Phishing-resistant MFA”."""
PHISHING_RESISTANT_METHODS = frozenset({"fido2", "windowshelloforbusiness", "x509certificatemultifactor"})


class Demand(StrEnum):
    """The demand of a policy: MFA, MFA or something else, an external MFA (custom control), a block, or none of it."""

    MFA = "mfa"
    MFA_OR_OTHER = "mfa or other"
    EXTERNAL = "external"
    BLOCK = "block"
    OTHER = "other"


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """``restricts``: it can prevent a sign-in; ``instead``: what it accepts instead of MFA.

    ``phishing_resistant``: it requires one of the phishing-resistant methods and nothing else.
    """

    demand: Demand
    restricts: bool = True
    instead: tuple[str, ...] = ()
    phishing_resistant: bool = False

    @property
    def gap(self) -> str | None:
        """The reason for which it does not require MFA; None if it does."""
        return {
            Demand.MFA: None,
            Demand.MFA_OR_OTHER: f"accepts {' or '.join(self.instead)} instead of multifactor authentication",
            Demand.EXTERNAL: "requires a custom control, whose multifactor authentication Microsoft does not verify",
            Demand.BLOCK: "blocks, and does not require multifactor authentication",
            Demand.OTHER: "does not require multifactor authentication",
        }[self.demand]


def control_of(controls: Fields | None) -> Control:
    """Return the control in ``grantControls``, None = session controls only.

    Raise ``CannotTell`` if a field is missing.

    An authentication strength is MFA if Microsoft Graph reports that it satisfies ``mfa``: a custom strength can
    consist of a single factor.
    """
    if controls is None:
        return Control(demand=Demand.OTHER, restricts=False)
    built_in = {control.lower(): control for control in controls.texts_or_empty("builtInControls")}
    custom, terms = controls.texts_or_empty("customAuthenticationFactors"), controls.texts_or_empty("termsOfUse")
    strength = controls.at_or_none("authenticationStrength")
    all_of_them = (controls.text_or_none("operator") or "OR").upper() == "AND"
    strong = strength is not None and strength.text("requirementsSatisfied") == "mfa"
    if "block" in built_in:
        return Control(demand=Demand.BLOCK)
    others = [name for word, name in built_in.items() if word != "mfa"]
    others += [*(f"the custom control {name}" for name in custom), *("terms of use" for _ in terms[:1])]
    if strength is not None and not strong:
        others.append("a weaker authentication strength")
    if "mfa" in built_in or strong:
        if others and not all_of_them:
            return Control(demand=Demand.MFA_OR_OTHER, instead=tuple(others))
        resistant = strength is not None and "mfa" not in built_in and not others and _is_resistant(strength)
        return Control(demand=Demand.MFA, phishing_resistant=resistant)
    external = bool(custom) and (all_of_them or len(others) == len(custom))
    return Control(demand=Demand.EXTERNAL if external else Demand.OTHER, restricts=bool(others))


def _is_resistant(strength: Fields) -> bool:
    if strength.has("id") and strength.text("id") == PHISHING_RESISTANT:
        return True
    methods = strength.texts_or_empty("allowedCombinations") if strength.has("allowedCombinations") else ()
    return bool(methods) and {method.lower() for method in methods} <= PHISHING_RESISTANT_METHODS
