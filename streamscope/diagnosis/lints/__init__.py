"""Every lint there is, each in a file of its own. Their order is that in which equals are listed."""

from __future__ import annotations

from streamscope.diagnosis.lint import Lint
from streamscope.diagnosis.lints.armed_for_nothing import ArmedForNothing
from streamscope.diagnosis.lints.backlog_full import BacklogFull
from streamscope.diagnosis.lints.emfile import Emfile
from streamscope.diagnosis.lints.half_open import HalfOpen
from streamscope.diagnosis.lints.held_accept import HeldAccept
from streamscope.diagnosis.lints.interest_clobbered import InterestClobbered
from streamscope.diagnosis.lints.leaked_handle import LeakedHandle
from streamscope.diagnosis.lints.lost_wakeup import LostWakeup
from streamscope.diagnosis.lints.mark_ignored import MarkIgnored
from streamscope.diagnosis.lints.pause_missed import PauseMissed
from streamscope.diagnosis.lints.peer_gone import PeerGone
from streamscope.diagnosis.lints.pipe_deadlock import PipeDeadlock
from streamscope.diagnosis.lints.queue_grows import QueueGrows
from streamscope.diagnosis.lints.queue_without_out import QueueWithoutOut
from streamscope.diagnosis.lints.queued_fds_grow import QueuedFdsGrow
from streamscope.diagnosis.lints.reader_unread import ReaderUnread
from streamscope.diagnosis.lints.reading_stopped import ReadingStopped
from streamscope.diagnosis.lints.reset_after_data import ResetAfterData
from streamscope.diagnosis.lints.shutdown_stuck import ShutdownStuck
from streamscope.diagnosis.lints.slow_callback import SlowCallbackLint
from streamscope.diagnosis.lints.slow_turn import SlowTurn
from streamscope.diagnosis.lints.stalled import Stalled
from streamscope.diagnosis.lints.starvation import Starvation

LINTS: tuple[Lint, ...] = (
    Stalled(),
    PeerGone(),
    PipeDeadlock(),
    PauseMissed(),
    MarkIgnored(),
    QueueGrows(),
    ShutdownStuck(),
    HalfOpen(),
    QueueWithoutOut(),
    LostWakeup(),
    InterestClobbered(),
    Starvation(),
    SlowCallbackLint(),
    SlowTurn(),
    HeldAccept(),
    BacklogFull(),
    Emfile(),
    QueuedFdsGrow(),
    ReaderUnread(),
    ReadingStopped(),
    ArmedForNothing(),
    LeakedHandle(),
    ResetAfterData(),
)

BY_NAME = {lint.name: lint for lint in LINTS}
