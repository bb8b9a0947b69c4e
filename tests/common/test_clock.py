"""The system's clock when somebody sets it."""

from common.clock import SLEWED_S, SystemClock


class Watch:
    """A wall clock that can be set, beside one that can't."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_700_000_000.0, 50.0
        self.clock = SystemClock(lambda: self.wall, lambda: self.steady)

    def after(self, seconds: float, set_by: float = 0.0) -> float:
        self.wall += seconds + set_by
        self.steady += seconds
        return self.clock.now()


def test_set_back_a_little_it_goes_on_slowly_until_it_is_right_again() -> None:
    watch = Watch()
    began = watch.after(0.0)
    assert watch.after(0.0, set_by=-300.0) == began, "never back"
    assert watch.after(10.0) == began + 5.0, "and never still: who waits for 5 s is not forgotten"
    assert watch.after(0.0) == began + 5.0
    assert watch.after(290.0) == began + 150.0
    assert watch.after(400.0) == watch.wall == began + 400.0, "caught up"
    assert watch.after(1.0) == watch.wall


def test_set_forward_or_far_back_it_follows() -> None:
    watch = Watch()
    began = watch.after(0.0)
    assert watch.after(1.0, set_by=86400.0) == began + 86401.0
    assert watch.after(1.0, set_by=-86400.0) == began + 2.0
    assert watch.after(0.0, set_by=-SLEWED_S) == began + 2.0
