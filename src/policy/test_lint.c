/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/lint.h"
#include "policy/test_help.h"
#include "util/str.h"

/* The first words of each warning, up to its ':', and their places. */
static const char *linted(struct trial *t, const char *text)
{
    struct buf out = {.arena = &t->arena};
    trial_begin(t);
    trial_file(t, text);
    CHECK_STR(trial_told(t), "");
    out.arena = &t->arena;
    buf_bytes(&out, "", 0);
    policy_lint(&t->p, "/home/anna", &t->d);
    for (size_t i = 0; i < t->d.n; i++) {
        const char *m = t->d.v[i].message;
        CHECK(t->d.v[i].severity == DIAG_WARNING);
        CHECK(strstr(m, ": ") && strlen(strstr(m, ": ")) > 20);
        buf_printf(&out, "%d: ", t->d.v[i].at.line);
        buf_bytes(&out, m, (size_t)(strstr(m, ": ") - m));
        buf_str(&out, "|");
    }
    return out.data;
}

static void check_lint(const char *text, const char *want, int line)
{
    struct trial t;
    t_check_str(linted(&t, text), want, __FILE__, line, text);
    trial_end(&t);
}

#define LINT(text, want) check_lint("[Context]\n" text, (want), __LINE__)

static void dangerous_permissions(void)
{
    LINT("sockets=x11\n", "");
    LINT("sockets=x11\n[Carrel Display]\nx11=nested\n", "");
    LINT("sockets=x11\n[Carrel Display]\nx11=shared\n", "4: x11=shared|");
    LINT("sockets=session-bus;system-bus;pulseaudio\ndevices=all\n",
         "2: session-bus|2: system-bus|3: all|");
    LINT("sockets=ssh-auth;gpg-agent\ndevices=input\n", "2: ssh-auth|2: gpg-agent|3: input|");
}

static void dangerous_values(void)
{
    LINT("sockets=wayland\n[Carrel Display]\nwayland=direct\n", "4: wayland=direct|");
    LINT("sockets=wayland\n[Carrel Display]\nwayland=filtered\nclipboard=both\n", "");
    LINT("sockets=pulseaudio\n[Carrel Sound]\nsound=play\n", "");
    LINT("sockets=pulseaudio\n[Carrel Sound]\nsound=play+record\n", "4: sound=play+record|");
    LINT("sockets=if:pulseaudio:true\n[Carrel Sound]\nsound=host\n", "4: sound=host|");
    LINT("sockets=!pulseaudio\n[Carrel Sound]\nsound=host\n", "");
}

static void what_leads_to_cameras_and_microphones(void)
{
    LINT("filesystems=xdg-run/pipewire-0:ro;xdg-run/pulse/native;xdg-run/app\n",
         "2: xdg-run/pipewire-0|2: xdg-run/pulse/native|");
    LINT("devices=all\n", "2: all|");
    LINT("devices=usb\n", "2: usb|");
}

static void harmless_permissions(void)
{
    LINT("shared=network;ipc\nsockets=wayland;fallback-x11;!x11;cups\ndevices=dri\n", "");
    LINT("sockets=x11;!x11\n", "");
}

static void dangerous_files(void)
{
    LINT("filesystems=home\n", "2: home|");
    LINT("filesystems=host:ro\n", "2: host|");
    LINT("filesystems=host-root\n", "2: host-root|");
    LINT("filesystems=xdg-config;xdg-data:ro\n", "2: xdg-data|2: xdg-config|");
    LINT("filesystems=xdg-config/carrel\n", "2: xdg-config/carrel holds ~/.config/carrel|");
    LINT("filesystems=~/.config/carrel/policies\n",
         "2: ~/.config/carrel/policies holds ~/.config/carrel|");
    LINT("filesystems=~/.config\n", "2: ~/.config holds ~/.config/carrel|"
                                    "2: ~/.config holds ~/.config/autostart|"
                                    "2: ~/.config holds ~/.config/systemd|");
    LINT("filesystems=~/.ssh:ro;~/.gnupg:ro\n",
         "2: ~/.gnupg holds ~/.gnupg|2: ~/.ssh holds ~/.ssh|");
    LINT("filesystems=/home/anna\n", "2: /home/anna|");
    LINT("filesystems=/home/anna/\n", "2: /home/anna/|");
    LINT("filesystems=/home/anna/.ssh:ro\n", "2: /home/anna/.ssh holds ~/.ssh|");
    LINT("filesystems=/home/anna/Documents;/home/annabel/.ssh\n", "");
    LINT("filesystems=~/.var/app/org.x.Y:ro\n", "2: ~/.var/app/org.x.Y holds ~/.var/app|");
    LINT("filesystems=/home:ro\n", "2: /home|");
    LINT("filesystems=/run\n", "2: /run|2: /run|");
    LINT("filesystems=~/.bashrc\n", "2: ~/.bashrc holds ~/.bashrc|");
}

static void harmless_files(void)
{
    LINT("filesystems=xdg-download;~/Documents;~/.config/gtk-3.0:ro;/srv;!home;!~/.ssh\n", "");
    LINT("filesystems=~/.config/carrel:ro;~/.bashrc:ro\n", "");
    LINT("filesystems=~/.sshx;/tmpx;xdg-config/carrelx\n", "");
}

static void dangerous_names(void)
{
    LINT("[Session Bus Policy]\norg.freedesktop.Flatpak=talk\n", "3: org.freedesktop.Flatpak|");
    LINT("[Session Bus Policy]\norg.freedesktop.systemd1=own\n", "3: org.freedesktop.systemd1|");
    LINT("[Session Bus Policy]\norg.freedesktop.*=talk\n",
         "3: org.freedesktop.* covers org.freedesktop.Flatpak|"
         "3: org.freedesktop.* covers org.freedesktop.systemd1|"
         "3: org.freedesktop.* covers org.freedesktop.secrets|");
    LINT("[Session Bus Policy]\norg.gtk.vfs.*=talk\n",
         "3: org.gtk.vfs.* covers org.gtk.vfs.Daemon|");
    LINT("[System Bus Policy]\norg.freedesktop.systemd1=talk\n", "3: org.freedesktop.systemd1|");
}

static void harmless_names(void)
{
    LINT("[Session Bus Policy]\norg.freedesktop.Flatpak=see\norg.freedesktop.Notifications=talk\n"
         "org.freedesktop.FlatpakX=talk\n[System Bus Policy]\norg.freedesktop.Flatpak=talk\n",
         "");
}

int main(void)
{
    RUN(dangerous_permissions);
    RUN(dangerous_values);
    RUN(what_leads_to_cameras_and_microphones);
    RUN(harmless_permissions);
    RUN(dangerous_files);
    RUN(harmless_files);
    RUN(dangerous_names);
    RUN(harmless_names);
    return t_done();
}
