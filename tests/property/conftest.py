"""How hypothesis searches: the same cases every time, as long as they take."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "emotf", deadline=None, max_examples=60, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("emotf")
