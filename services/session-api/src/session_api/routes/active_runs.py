"""The response body of a run that has not ended, in lists of something else."""

from session_api.domain.customers import ActiveRun
from session_api.routes.session_bodies import ActiveRunSummary, RunProgress


def active_run_body(run: ActiveRun) -> ActiveRunSummary:
    """Return the response body of an active run."""
    progress = None
    if run.progress_done is not None:
        progress = RunProgress(done=run.progress_done, total=run.progress_total, message=run.progress_message)
    return ActiveRunSummary(
        id=run.id,
        task_type=run.task_type,
        title=run.title,
        state=run.state,
        attempt=run.attempt,
        reason_code=run.reason_code,
        message=run.message,
        resume_at=run.resume_at,
        progress=progress,
        started_at=run.started_at,
    )
