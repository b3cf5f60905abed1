import os
import signal
import threading

import pytest

from cogspeech.training.interruption import signals_wait


def test_ctrl_c_waits_until_it_is_delivered():
    passed = []

    def work():
        with signals_wait() as interruption:
            signal.raise_signal(signal.SIGINT)
            passed.append(interruption.is_asked)
            interruption.deliver()
            passed.append("went on")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert passed == [True]


def test_one_that_is_never_asked_about_comes_at_the_end():
    passed = []

    def work():
        with signals_wait():
            signal.raise_signal(signal.SIGINT)
            passed.append("went on inside")
        passed.append("went on outside")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert passed == ["went on inside"]


def test_the_second_ctrl_c_goes_at_once():
    passed = []

    def work():
        with signals_wait():
            signal.raise_signal(signal.SIGINT)
            passed.append("waited")
            signal.raise_signal(signal.SIGINT)
            passed.append("went on")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert passed == ["waited"]


def test_whoever_handles_it_may_want_to_go_on():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    try:
        with signals_wait() as interruption:
            for _ in range(2):
                signal.raise_signal(signal.SIGTERM)
                assert interruption.is_asked
                interruption.deliver()
                assert not interruption.is_asked
        assert heard == [1, 1]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_one_that_was_ignored_still_is():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals_wait() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert not interruption.is_asked
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_handlers_are_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with signals_wait():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_thread_has_no_signals():
    asked = []

    def work():
        with signals_wait() as interruption:
            asked.append(interruption.is_asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]


def test_sigterm_ends_a_process_that_does_not_handle_it():
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with signals_wait() as interruption:
            signal.raise_signal(signal.SIGTERM)
            interruption.deliver()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
