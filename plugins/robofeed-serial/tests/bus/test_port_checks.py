"""What is said about ports: names that stay, slow adapters, why one does not open."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from robofeed_serial.wire.port_checks import (
    latency_timer_ms,
    latency_warning,
    list_ports,
    stable_name,
    why_not_open,
)


def sysfs_with(tmp_path: Path, timer: str) -> Path:
    folder = tmp_path / "ttyUSB0/device"
    folder.mkdir(parents=True)
    (folder / "latency_timer").write_text(timer)
    return tmp_path


def test_a_slow_adapter_is_warned_of_with_the_rate_and_the_command(tmp_path: Path) -> None:
    sysfs = sysfs_with(tmp_path, "16\n")

    warning = latency_warning("/dev/ttyUSB0", sysfs)

    assert warning is not None
    assert "at most 62 reads a second" in warning
    assert f"echo 1 | sudo tee {sysfs}/ttyUSB0/device/latency_timer" in warning


def test_a_fast_adapter_and_one_without_a_timer_are_not(tmp_path: Path) -> None:
    sysfs = sysfs_with(tmp_path, "1\n")

    assert latency_warning("/dev/ttyUSB0", sysfs) is None
    assert latency_warning("/dev/ttyACM0", sysfs) is None
    assert latency_timer_ms("/dev/ttyACM0", sysfs) is None


def test_a_port_is_called_by_the_name_that_stays(tmp_path: Path) -> None:
    device, other = tmp_path / "ttyACM0", tmp_path / "ttyACM1"
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    device.touch()
    other.touch()
    (by_id / "usb-1a86_USB_Single_Serial_58FA-if00").symlink_to(device)

    assert stable_name(str(device), by_id) == str(by_id / "usb-1a86_USB_Single_Serial_58FA-if00")
    assert stable_name(str(other), by_id) == str(other)
    assert stable_name(str(device), tmp_path / "nowhere") == str(device)


def test_listing_ports_works_on_any_machine() -> None:
    assert all(port.path and port.device for port in list_ports())


def test_a_missing_port_is_told_from_a_forbidden_one(tmp_path: Path) -> None:
    missing = why_not_open(str(tmp_path / "no"), OSError(errno.ENOENT, "No such file"))

    assert missing.startswith(f"There is no port {tmp_path / 'no'}.")


def test_a_forbidden_port_names_its_group_and_the_command(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    if os.getuid() == 0:
        os.chown(port, 0, 20)
    port.chmod(0o660)
    import grp

    group = grp.getgrgid(port.stat().st_gid).gr_name
    said = why_not_open(str(port), PermissionError(errno.EACCES, "Permission denied"))

    assert said.startswith(f"No permission to open {port}.")
    if group != "root":
        assert f"sudo usermod -aG {group} $USER" in said


def test_a_port_closed_to_its_group_gets_another_advice(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    port.chmod(0o600)

    said = why_not_open(str(port), PermissionError(errno.EACCES, "Permission denied"))

    assert f"sudo chmod a+rw {port}" in said


def test_the_number_may_hide_in_what_was_wrapped(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    wrapper = OSError("could not open port")
    wrapper.__cause__ = OSError(errno.EAGAIN, "Resource temporarily unavailable")

    assert "is in use" in why_not_open(str(port), wrapper)


@pytest.mark.parametrize("number", [errno.EIO, None])
def test_anything_else_is_told_as_it_is(number: int | None, tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    error = OSError(number, "Input/output error") if number else OSError("odd")

    assert "cannot be opened" in why_not_open(str(port), error)
