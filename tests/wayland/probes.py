# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests look for on a compositor."""
import contextlib
import os
import subprocess

from lib import PATIENCE, Client, end, message, u, wait_for

# What gives power over others, from the compositors' own lists.
DANGEROUS = """zwlr_screencopy_manager_v1 ext_image_copy_capture_manager_v1
ext_output_image_capture_source_manager_v1 ext_foreign_toplevel_image_capture_source_manager_v1
zwlr_export_dmabuf_manager_v1 zkde_screencast_unstable_v1 weston_capture_v1 weston_screenshooter
hyprland_toplevel_export_manager_v1 zwp_virtual_keyboard_manager_v1 zwlr_virtual_pointer_manager_v1
zwp_input_method_manager_v2 zwp_input_method_v1 zwp_input_panel_v1 org_kde_kwin_fake_input
org_kde_kwin_keystate zwp_keyboard_shortcuts_inhibit_manager_v1 zwlr_input_inhibit_manager_v1
ext_transient_seat_manager_v1 zwlr_data_control_manager_v1 ext_data_control_manager_v1
zwlr_foreign_toplevel_manager_v1 ext_foreign_toplevel_list_v1 org_kde_plasma_window_management
ext_workspace_manager_v1 gtk_shell1 org_kde_plasma_shell zwlr_layer_shell_v1
ext_session_lock_manager_v1 kde_lockscreen_overlay_v1 kde_screen_edge_manager_v1
zwlr_output_manager_v1 kde_output_management_v2 zwlr_output_power_manager_v1
org_kde_kwin_dpms_manager zwlr_gamma_control_manager_v1 wp_drm_lease_device_v1
kde_external_brightness_v1 ext_idle_notifier_v1 org_kde_kwin_idle wp_security_context_manager_v1
xwayland_shell_v1 weston_desktop_shell""".split()


def names(path):
    with Client(path) as c:
        return {interface for interface, _ in c.globals().values()}


class Keyboard:
    """A virtual keyboard: without one a compositor without a screen gives no window the focus."""

    def __init__(self, path):
        self.client = Client(path)
        self.client.globals()
        seat = self.client.bind("wl_seat", 1)
        manager = self.client.bind("zwp_virtual_keyboard_manager_v1", 1)
        keyboard = self.client.new()
        self.client.send(message(manager, 0, u(seat), u(keyboard)))
        keymap = subprocess.run(["xkbcomp", "-xkb", "-", "-"], input=b'xkb_keymap { xkb_keycodes '
                                b'{ include "evdev" }; xkb_types { include "complete" }; xkb_compat '
                                b'{ include "complete" }; xkb_symbols { include "pc+us" }; };',
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        fd = os.memfd_create("keymap")
        os.write(fd, keymap.stdout + b"\0")
        self.client.send(message(keyboard, 0, u(1), u(len(keymap.stdout) + 1)), [fd])
        os.close(fd)
        assert self.client.roundtrip(), "no virtual keyboard"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        return False


# ---- programs that copy and paste ----

def run(env, display, *argv, **more):
    return subprocess.run(argv, env={**env, "WAYLAND_DISPLAY": display}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=PATIENCE, check=False, **more)


def paste(env, display, *options):
    return run(env, display, "timeout", "5", "wl-paste", "--no-newline", *options).stdout


def has_asked(log):
    def asked():
        with open(log, "rb") as f:
            text = f.read()
        return b"set_selection(" in text or b"set_primary_selection(" in text
    try:
        return wait_for("wl-copy", asked, 20)
    except AssertionError:
        return False


@contextlib.contextmanager
def copied(env, display, text, *options, data=None):
    """Somebody who has copied a text, or data from its input. It must have the focus for that, and
    asks only once for it."""
    log = os.path.join(env["HOME"], "wl-copy.log")
    given = os.path.join(env["HOME"], "wl-copy.data")
    with open(given, "wb") as f:
        f.write(data or b"")
    for _ in range(3):
        with open(log, "wb") as f, open(given, "rb") as source:
            child = subprocess.Popen(["wl-copy", "--foreground", *options, *([] if data else [text])],
                                     env={**env, "WAYLAND_DISPLAY": display, "WAYLAND_DEBUG": "1"},
                                     stdin=source, stdout=subprocess.DEVNULL, stderr=f,
                                     start_new_session=True)
        try:
            if has_asked(log):
                yield child
                return
        finally:
            end(child)
    raise AssertionError("wl-copy never had the focus")
