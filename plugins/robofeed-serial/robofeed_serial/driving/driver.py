"""A real arm with a task, as a `Backend`: the client of the process that owns its port.

What differs from simulation is the world: it sags, lags and can be unplugged, and time does not
wait for anybody.
"""

from __future__ import annotations

import logging
import time

import numpy as np

from robofeed import Cameras, ConfigError, HardwareError, SafetyStop
from robofeed.data.observation import Ended, Observation, Target, Truth
from robofeed.data.spec import BackendSpec, FloatArray
from robofeed.data.tasks import Task
from robofeed_serial.arms.arm_file import AnyArm, load_any_arm
from robofeed_serial.arms.description import AnyProtocol, arm_names
from robofeed_serial.body.arm_body import not_looked_at
from robofeed_serial.body.free_way import free_way_of
from robofeed_serial.driving.arm_task import ArmTask
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.homing import go_to
from robofeed_serial.supervision.client import SupervisorClient
from robofeed_serial.supervision.messages import Mode, Report, Request
from robofeed_serial.supervision.settings import SupervisorSettings, bounds_of, ranges_of

_log = logging.getLogger(__name__)
HOMING_SHARE = 0.3
"""of the speed limits, on the way to the home pose"""


class SerialArm:
    """One arm on a serial port. See `SerialConfig`.

    Raises:
        ConfigError: no such arm or task; an arm of another protocol; a task that needs senses which
            the arm does not have.
    """

    def __init__(self, config: SerialConfig, protocol: AnyProtocol) -> None:
        if not config.arm:
            arms = (name for name in arm_names() if load_any_arm(name).protocol == protocol)
            raise ConfigError(
                f"which arm? Set backend.{protocol}.arm, to {' or '.join(arms)} or to a file of "
                "your own"
            )
        self._arm = load_any_arm(config.arm)
        if self._arm.protocol != protocol:
            raise ConfigError(
                f"arm {self._arm.name!r} speaks {self._arm.protocol}: set backend.use = "
                f'"{self._arm.protocol}"'
            )
        self._config = config
        self._settings = SupervisorSettings(
            arm=str(self._arm.path),
            port=config.port,
            baud=config.baud,
            period_s=config.cycle_s,
            calibration=config.calibration,
            watchdog_s=config.watchdog_s,
            tool_speed_m_s=config.tool_speed_m_s,
            speed_share=config.speed_share,
            after=config.after,
            trace=config.trace,
        )
        self._cameras = Cameras(config.cameras)
        self._task = ArmTask(config, self._arm, self._settings, self._cameras.spec)
        self._client: SupervisorClient | None = None
        self._lost = False
        self._entropy = np.random.default_rng()

    @property
    def spec(self) -> BackendSpec:
        return self._task.spec

    @property
    def task(self) -> Task:
        """What it is about."""
        return self._task.task

    @property
    def arm(self) -> AnyArm:
        """What the arm is made of."""
        return self._arm

    @property
    def supervisor_pid(self) -> int | None:
        """Of the process that owns the port; None while the arm is not open."""
        return None if self._client is None else self._client.pid

    def report(self) -> Report:
        """The supervisor's newest. Raises HardwareError: not open, or the supervisor is dead."""
        return self._opened().report()

    @property
    def tool_m(self) -> FloatArray:
        """Where the tool is measured, float32 [3]."""
        return self._task.tool_m

    @property
    def is_lost(self) -> bool:
        """Whether the link to the arm failed for good: only opening it anew may help."""
        return self._lost

    def open(self) -> None:
        """Take the port in a process of its own and look at every servo. Moves nothing.

        Raises:
            HardwareError: the port, or a servo behind it, cannot be used; or a camera sees nothing.
            ConfigError: no calibration, or another arm's.
        """
        if self._client is not None:
            return
        if not self._config.port:
            raise ConfigError(
                f"no port: set backend.{self._arm.protocol}.port, say to /dev/serial/by-id/...; "
                "robofeed arm find tells which"
            )
        ranges_of(self._arm, self._config.calibration)
        if warning := not_looked_at(self._arm):
            _log.warning("%s", warning)
        self._cameras.open()  # before the port: without them nothing need be energised
        try:
            self._client = SupervisorClient(self._settings)
        except BaseException:
            self._cameras.close()
            raise
        self._task.take(self._client.report())

    def close(self) -> None:
        """Give the port back; the arm holds, parks or relaxes, as configured. Idempotent."""
        try:
            if self._client is not None:
                self._client.close()  # may park, and can be stopped as long as it does
        finally:
            self._client = None
            self._cameras.close()

    def reset(self, seed: int | None = None) -> Observation:
        """Start an episode: torque on, to the home pose where so configured, a target drawn.

        Raises:
            SafetyStop: the arm holds because something went wrong; the message says what. A person
                looks, and starts the run anew.
            HardwareError: the arm does not reach its home pose, or the link failed.
        """
        client = self._opened()
        report = client.report()
        if client.stopped or report.latched:
            raise SafetyStop(
                f"the arm holds: {report.reason or 'stopped by hand'}. It moves again when you "
                "have seen to that and started anew"
            )
        if self._config.posture == "start":
            self._task.keep_posture(client.report().rad)
        if self._config.assume_rest:
            client.request(Request.ASSUME_REST)
        held = client.request(Request.ENGAGE).commanded_rad
        if seed is None:
            seed = int(self._entropy.integers(2**31))
        home = self._task.lay_out(seed, held)
        if self._config.start == "home":
            speed = [HOMING_SHARE * each for each in self._task.limits.joint_speed_rad_s.tolist()]
            names = [joint.name for joint in self._arm.joints]
            ranges = ranges_of(self._arm, self._config.calibration)
            bounds = bounds_of(self._arm, ranges, self._settings)
            box = (bounds.box_low_m, bounds.box_high_m)
            free = free_way_of(self._arm, box, ranges, held[len(names) :])
            self._task.arrived(go_to(client, home, speed, names, free))
        self._task.begin()
        return self.observe()

    def acknowledge(self) -> None:
        """A person at the arm has seen why it holds."""
        self._opened().acknowledge()

    def observe(self) -> Observation:
        client = self._opened()
        if not self._task.is_laid_out:
            raise HardwareError("the arm has no episode yet: call reset() first")
        try:
            report = client.report()
        except HardwareError as error:
            self._lost = True
            return self._observation(time.monotonic_ns(), Ended.FAULT, str(error))
        self._lost = report.mode is Mode.LOST
        ended = self._task.judge(report)
        if ended is not Ended.RUNNING:
            client.rest()
        return self._observation(report.time_ns, ended, report.reason if report.latched else "")

    def plan(self, action: FloatArray) -> Target:
        return self._task.plan(action)

    def present(self) -> Target:
        return self._task.present()

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        return self._task.tool_at(joint_rad)

    def action_of(self, target: Target) -> FloatArray:
        return self._task.action_of(target)

    def send(self, target: Target) -> None:
        """Order it and return; the supervisor goes there, by its own rules, until the next one."""
        client = self._opened()
        client.order(self._task.order_of(target))

    def stop(self) -> None:
        client = self._client
        if client is not None:
            client.stop()

    def truth(self) -> Truth:
        """The task's judgement of the measured pose, which is all that a reach needs."""
        return self._task.truth

    def expert_action(self) -> FloatArray:
        return self._task.expert_action()

    def _observation(self, time_ns: int, ended: Ended, reason: str) -> Observation:
        return self._task.observation(time_ns, ended, reason, self._cameras.frames())

    def _opened(self) -> SupervisorClient:
        if self._client is None:
            raise HardwareError("the arm is not open: call open() first")
        return self._client
