"""What the worker counts. Labels never carry a tenant or a run: their number must stay small."""

from prometheus_client import Counter, Gauge

CLAIMED = Counter("onboarding_runs_claimed_total", "Attempts that this worker started")
SETTLED = Counter("onboarding_runs_settled_total", "Attempts that were settled, by what became of their run", ["event"])
LATE_WRITES = Counter("onboarding_late_writes_refused_total", "Results refused because the lease was somebody else's")
DROPPED = Counter("onboarding_results_dropped_total", "Results that could not be written while the lease lasted")
LEASES_LOST = Counter("onboarding_leases_lost_total", "Attempts stopped here because their lease had run out")
RECOVERED = Counter("onboarding_runs_recovered_total", "Runs taken from workers that went away")
RESENT = Counter("onboarding_results_resent_total", "Results told again because nobody had confirmed them")
ABANDONED = Counter("onboarding_tasks_abandoned_total", "Tasks that went on although they were cancelled")
LOOP_FAILURES = Counter("onboarding_worker_loop_failures_total", "Turns of a background loop that failed", ["loop"])
UNDER_WAY = Gauge("onboarding_runs_under_way", "Attempts that run here now")
