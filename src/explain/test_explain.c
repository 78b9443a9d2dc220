/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "explain/display.h"
#include "explain/explain.h"
#include "t.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char plan_text[] =
    "carrel-plan 1\n"
    "tmpfs / 0755 - # base: a root\n"
    "symlink usr/bin /bin # base: merged\n"
    "bind /usr /usr ro 1:1 # base: usr\n"
    "bind /dev/null /dev/null ro,dev 6:3\n"
    "file /etc/passwd 0644 x # base: names\n"
    "symlink /loop/b /loop/a\n"
    "symlink a /loop/b\n"
    "symlink data/home /home # base: home\n"
    "bind /data/home/u /data/home/u rw 1:2 # policy:3: filesystems=home\n"
    "tmpfs /data/home/u/.ssh 0755 - # policy:4: filesystems=!~/.ssh\n"
    "bind /srv/keys /data/home/u/.ssh/pub ro 1:3 # policy:5: filesystems=x\n"
    "bind /dev/null /data/home/u/diary ro 6:3 # policy:6: filesystems=!~/diary\n"
    "bind /new/dir /new/dir rw # policy:7: filesystems=/new/dir:create\n"
    "tmpfs /tmp 1777 - # base: tmp\n"
    "proc /proc # base: proc\n"
    "devpts /dev/pts\n"
    "seal /data/home/u/.ssh # policy:4\n"
    "seal / # base\n"
    "exec /bin/true\n";

static const char facts_text[] = "carrel-facts 1\n"
                                 "uid 1000\n"
                                 "dir /usr 1:1 0755 0\n"
                                 "dir /usr/bin 1:9 0755 0\n"
                                 "file /usr/bin/vi 1:8 0755 0 /usr/bin/vim.basic\n"
                                 "link /usr/bin/vi /etc/alternatives/vi\n"
                                 "file /usr/bin/vim 1:8 0755 0 /usr/bin/vim.basic\n"
                                 "link /usr/bin/vim vim.basic\n"
                                 "file /usr/bin/vim.basic 1:8 0755 0\n"
                                 "dir /data/home/u 1:2 0700 1000\n"
                                 "file /data/home/u/note 1:10 0600 1000\n"
                                 "file /data/home/u/other 1:11 0600 1001\n"
                                 "file /data/home/u/listed 1:12 0644 1001\n"
                                 "error /data/home/u/closed 13\n"
                                 "file /data/home/u/to-usr 1:1 0755 0 /usr\n"
                                 "link /data/home/u/to-usr ../../../usr\n"
                                 "dir /srv/keys 1:3 0755 0\n"
                                 "file /srv/keys/a.pub 1:13 0644 0\n"
                                 "char /dev/null 6:3 0666 0\n"
                                 "file /data/home/u/.ssh/id 1:14 0600 1000\n";

static struct arena arena;
static struct plan plan = {.arena = &arena};
static struct facts facts = {.arena = &arena};

static struct verdict ask(const char *path)
{
    struct verdict v;
    explain_path(&arena, &plan, &facts, path, &v);
    return v;
}

/* "vrw" with '-' for each that does not hold. */
static const char *bits(const char *path)
{
    struct verdict v = ask(path);
    return arena_printf(&arena, "%c%c%c", v.visible ? 'v' : '-', v.readable ? 'r' : '-',
                        v.writable ? 'w' : '-');
}

static void setup(void)
{
    int line = 0;
    const char *error = NULL;
    CHECK_INT(plan_read(&plan, plan_text, sizeof plan_text - 1, &line, &error), 0);
    CHECK_INT(facts_read(&facts, facts_text, sizeof facts_text - 1, &line, &error), 0);
    CHECK_STR(error, NULL);
}

static void tells_the_three_bits(void)
{
    static const char *const cases[][2] = {
        {"/", "vr-"},
        {"/usr", "vr-"},
        {"/usr/bin/vim.basic", "vr-"},
        {"/usr/bin/gone", "---"},
        {"/etc", "vr-"},
        {"/etc/passwd", "vr-"},
        {"/etc/shadow", "---"},
        {"/data/home/u/note", "vrw"},
        {"/data/home/u/other", "v--"},
        {"/data/home/u/listed", "vr-"},
        {"/data/home/u/closed", "---"},
        {"/data/home/u/new", "---"},
        {"/data/home/u/.ssh", "vr-"},
        {"/data/home/u/.ssh/id", "---"},
        {"/data/home/u/.ssh/pub/a.pub", "vr-"},
        {"/data/home/u/diary", "v--"},
        {"/data/home", "vr-"},
        {"/data/home/v", "---"},
        {"/new/dir", "vrw"},
        {"/tmp", "vrw"},
        {"/tmp/x", "---"},
        {"/proc/1/environ", "vr-"},
        {"/dev/null", "vrw"},
        {"/dev/sda", "---"},
        {"/dev/pts", "vrw"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = bits(cases[i][0]);
        if (strcmp(got, cases[i][1]) != 0)
            printf("# %s\n", cases[i][0]);
        CHECK_STR(got, cases[i][1]);
    }
}

static void follows_links_inside(void)
{
    CHECK_STR(ask("/bin/vim").inside, "/usr/bin/vim.basic");
    CHECK_STR(ask("/home/u/note").inside, "/data/home/u/note");
    CHECK_STR(ask("/home/u/to-usr/bin/vim").inside, "/usr/bin/vim.basic");
    CHECK_STR(ask("/usr/../home/./u//note").inside, "/data/home/u/note");
    /* outside it leads to vim.basic, inside there is no /etc/alternatives */
    CHECK_STR(ask("/bin/vi").inside, "/etc/alternatives/vi");
    CHECK_STR(bits("/bin/vi"), "---");
    CHECK_STR(ask("/../../tmp").inside, "/tmp");
}

static void ends_on_loops(void)
{
    struct verdict v = ask("/loop/a");
    CHECK(!v.visible);
    CHECK_STR(v.reason, "too many symbolic links");
    CHECK(!ask("relative").visible);
    CHECK(!ask("").visible);
    char *longest = arena_alloc(&arena, 5001);
    memset(longest, '/', 5000);
    CHECK_STR(ask(longest).reason, "the path is too long");
}

static void names_the_step_and_the_host(void)
{
    struct verdict v = ask("/home/u/.ssh/pub/a.pub");
    CHECK_STR(v.outside, "/srv/keys/a.pub");
    CHECK_STR(v.step ? v.step->why : NULL, "policy:5: filesystems=x");
    v = ask("/home/u/.ssh/id");
    CHECK_STR(v.outside, NULL);
    CHECK_STR(v.step ? v.step->why : NULL, "policy:4: filesystems=!~/.ssh");
    v = ask("/home/u/diary");
    CHECK_STR(v.outside, NULL);
    CHECK_STR(v.step ? v.step->why : NULL, "policy:6: filesystems=!~/diary");
}

static void does_without_facts(void)
{
    struct verdict v;
    explain_path(&arena, &plan, NULL, "/home/u/other", &v);
    CHECK(v.visible && v.readable && v.writable);
    explain_path(&arena, &plan, NULL, "/usr/bin/anything", &v);
    CHECK(v.visible && v.readable && !v.writable);
}

static void looks_at_the_host(void)
{
    char dir[] = "/tmp/carrel-explain-XXXXXX";
    CHECK(mkdtemp(dir) != NULL);
    const char *file = arena_printf(&arena, "%s/f", dir), *link = arena_printf(&arena, "%s/l", dir);
    FILE *f = fopen(file, "w");
    CHECK(f != NULL);
    if (f)
        fclose(f);
    CHECK(symlink("f", link) == 0);
    struct facts live = {.arena = &arena};
    struct plan own = {.arena = &arena};
    struct verdict v;
    plan_add(&own, PLAN_TMPFS, NULL, "/", "0755", "-", (char *)NULL);
    plan_add(&own, PLAN_BIND, NULL, dir, "/x", "rw", "1:1", (char *)NULL);
    explain_path(&arena, &own, &live, "/x/l", &v);
    CHECK(v.visible && v.readable && v.writable);
    CHECK_STR(v.inside, "/x/f");
    CHECK_STR(v.outside, file);
    CHECK(chmod(file, 0) == 0);
    live = (struct facts){.arena = &arena};
    explain_path(&arena, &own, &live, "/x/l", &v);
    CHECK_INT(v.readable, access(file, R_OK) == 0);
    unlink(link);
    unlink(file);
    rmdir(dir);
}

static void writes_text(void)
{
    struct buf b = {.arena = &arena};
    struct verdict v = ask("/home/u/note");
    explain_text(&v, "/home/u/note", &b);
    CHECK_STR(b.data, "/home/u/note: visible, readable, writable\n"
                      "  inside it leads to /data/home/u/note\n"
                      "  it is the host's own, and may be changed\n"
                      "  decided by: bind /data/home/u /data/home/u rw 1:2 # policy:3: "
                      "filesystems=home\n");
    b.len = 0;
    v = ask("/etc/\x1b[2J");
    explain_text(&v, "/etc/\x1b[2J", &b);
    CHECK(strchr(b.data, '\x1b') == NULL);
}

static void writes_json(void)
{
    struct buf b = {.arena = &arena};
    struct verdict v = ask("/home/u/diary");
    explain_json(&v, "/home/u/diary", &b);
    CHECK_STR(b.data,
              "{\"path\":\"/home/u/diary\",\"visible\":true,\"readable\":false,"
              "\"writable\":false,\"inside\":\"/data/home/u/diary\","
              "\"reason\":\"it is hidden: the name is there, but it cannot be opened\","
              "\"step\":{\"verb\":\"bind\",\"args\":[\"/dev/null\",\"/data/home/u/diary\",\"ro\","
              "\"6:3\"],\"why\":\"policy:6: filesystems=!~/diary\"}}\n");
}

/* ---- the display ---- */

/* A plan of these steps, with a Wayland filter where powers are given. */
static struct display_view view(const char *steps, const char *powers)
{
    int line;
    const char *error;
    struct plan p = {.arena = &arena};
    struct display_view v;
    const char *text = arena_printf(&arena, "carrel-plan 1\n%sexec /x\n", steps);
    CHECK(plan_read(&p, text, strlen(text), &line, &error) == 0);
    if (powers) {
        struct plan_service *s =
            plan_add_service(&p, "wayland", "/run/x", "policy:2: sockets=wayland");
        s->data = arena_printf(&arena, "carrel-wayland 1\nsocket /compositor\n%s", powers);
        s->size = strlen(s->data);
    }
    explain_display(&arena, &p, &v);
    return v;
}

static const char *told(const struct display_view *v)
{
    struct buf b = {.arena = &arena};
    explain_display_text(v, "org.example.App", &b);
    return b.data;
}

static void tells_of_a_filtered_display(void)
{
    struct display_view v =
        view("env WAYLAND_DISPLAY=wayland-0\n", "power fullscreen clipboard-out\n");
    CHECK_STR(told(&v),
              "org.example.App: a Wayland window, by way of a filter of its own\n"
              "  sees        its own windows, never the screen or those of other programs\n"
              "  types       into its own windows, never for others\n"
              "  hears keys  those typed while one of its windows has the focus, no others\n"
              "  is seen     by the compositor, and by what reaches it past a filter\n"
              "  clipboard   others may read what it copies; it gets nothing\n"
              "  may         take the whole screen\n"
              "  may not     ask that its windows be brought to the front; get text from the input "
              "method; keep the pointer in its windows; follow the pointer's movements without its "
              "place; keep the screen from going dark or locking; take the keys that the desktop "
              "listens to; let others attach dialogs to its windows\n"
              "  sound       none: no loudspeaker and no microphone\n"
              "  camera      none\n"
              "  session bus none\n"
              "  system bus  none\n"
              "  decided by: Wayland: policy:2: sockets=wayland\n");
    v = view("env WAYLAND_DISPLAY=wayland-0\n", "");
    CHECK(strstr(told(&v), "it gets nothing by itself") && strstr(told(&v), "carrel clip\n"));
    v.carry = CARRY_NOTHING;
    CHECK(strstr(told(&v), "it gets nothing, and others get nothing") != NULL);
}

static void tells_of_a_bare_display(void)
{
    struct display_view v =
        view("env WAYLAND_DISPLAY=wayland-1 # policy:3: wayland=direct\n", NULL);
    CHECK_INT(v.wayland, DISPLAY_DIRECT);
    CHECK(strstr(told(&v), "the bare Wayland socket") != NULL);
    CHECK(strstr(told(&v), "policy:3: wayland=direct") != NULL);
    v = view("keep-fd 7\nenv WAYLAND_SOCKET=7\n", NULL);
    CHECK_INT(v.wayland, DISPLAY_INHERITED);
    v = view("env DISPLAY=:0\nenv PULSE_SERVER=unix:/x\n", NULL);
    CHECK(strstr(told(&v), "all that are typed, passwords included") != NULL);
    CHECK(strstr(told(&v), "microphone and to what others play") != NULL);
    v = view("bind /dev /dev rw,dev 1:1\n", NULL);
    CHECK(strncmp(told(&v), "org.example.App: no display\n", 28) == 0);
    CHECK(strstr(told(&v), "cameras") != NULL);
}

/* What is told of a plan with this X server: word is one of its service's. */
static const char *told_of_x11(const char *service, const char *word, enum x11_way want)
{
    struct plan p = {.arena = &arena};
    struct display_view v;
    if (word) {
        struct plan_service *s = plan_add_service(&p, "xserver", "/run/x", "policy:2");
        plan_add(s->plan, PLAN_ARG, NULL, word, (char *)NULL);
    }
    if (service)
        plan_add_service(&p, service, "/run/y", "policy:2");
    plan_add(&p, PLAN_ENV, NULL, "DISPLAY=:0", (char *)NULL);
    explain_display(&arena, &p, &v);
    CHECK_INT(v.x11, want);
    return told(&v);
}

/* The same server as a headless one's; only the registry says that somebody shows it. */
static const char *told_of_viewed(const char *info)
{
    struct plan p = {.arena = &arena, .info = info};
    struct display_view v;
    struct buf json = {.arena = &arena};
    struct plan_service *s = plan_add_service(&p, "xserver", "/run/x", "policy:2");
    plan_add(s->plan, PLAN_ARG, NULL, "/usr/bin/Xvfb", (char *)NULL);
    plan_add(&p, PLAN_ENV, NULL, "DISPLAY=:0", (char *)NULL);
    explain_display(&arena, &p, &v);
    CHECK_INT(v.x11, X11_VIEWED);
    explain_display_json(&v, &json);
    buf_char(&json, '\0');
    CHECK(strstr(json.data, "nested-viewed") != NULL);
    return told(&v);
}

static void tells_of_x_servers(void)
{
    const char *shared = told_of_x11(NULL, NULL, X11_SHARED),
               *untrusted = told_of_x11("x11-untrusted", NULL, X11_UNTRUSTED),
               *nested = told_of_x11("x11-untrusted", "/usr/bin/Xephyr", X11_NESTED),
               *trusted = told_of_x11(NULL, "/usr/bin/Xephyr", X11_NESTED_TRUSTED),
               *wayland = told_of_x11("wayland-x11", "/usr/bin/Xwayland", X11_NESTED_WAYLAND),
               *headless = told_of_x11(NULL, "/usr/bin/Xvfb", X11_HEADLESS);
    CHECK(strstr(shared, "passwords included") != NULL);
    CHECK(strstr(untrusted, "the titles of all others") != NULL);
    CHECK(strstr(nested, "one window on the person's display\n") != NULL);
    CHECK(strstr(trusted, "a fault in it would open the whole display") != NULL);
    CHECK(strstr(wayland, "one window of your Wayland compositor") != NULL);
    CHECK(!strstr(wayland, "passwords"));
    CHECK(strstr(wayland, "you carry: carrel clip\n") != NULL);
    CHECK(strstr(headless, "by nobody, you included") != NULL);
    const char *viewed = told_of_viewed("[Carrel Display]\nx-server=nested xpra\n"),
               *closed = told_of_viewed("x-server=nested xpra no-clipboard\nclipboard=none\n");
    CHECK(strstr(viewed, "carrel detach takes that away") != NULL);
    /* no key is taken for it, and the policy may close the ways */
    CHECK(strstr(viewed, "you carry: carrel clip\n") != NULL && !strstr(viewed, "or a key"));
    CHECK(strstr(closed, "to and from which nothing is carried (clipboard=none)\n") != NULL);
    const char *in = told_of_viewed("x-server=nested xpra in\nclipboard=in\n"),
               *out = told_of_viewed("x-server=nested xpra out\nclipboard=out\n");
    CHECK(strstr(in, "from which nothing is carried (clipboard=in); what goes to it you carry: "
                     "carrel clip\n") != NULL);
    CHECK(strstr(out, "to which nothing is carried (clipboard=out); what comes from it you carry: "
                      "carrel clip\n") != NULL);
    CHECK(!strstr(nested, "passwords") && !strstr(headless, "passwords"));
}

static enum sound_way heard(const char *way)
{
    struct plan p = {.arena = &arena};
    struct display_view v;
    struct plan_service *s = plan_add_service(&p, "sound", "/run/x", "policy:2");
    plan_add(s->plan, PLAN_ARG, NULL, "org.example.App", (char *)NULL);
    plan_add(s->plan, PLAN_ARG, NULL, way, (char *)NULL);
    plan_add(&p, PLAN_ENV, NULL, "PULSE_SERVER=unix:/x", (char *)NULL);
    explain_display(&arena, &p, &v);
    return v.sound;
}

static void tells_of_sound_and_cameras(void)
{
    CHECK_INT(heard("play"), SOUND_PLAY);
    CHECK_INT(heard("play+record"), SOUND_RECORD);
    struct display_view v = view("", NULL);
    CHECK(strstr(told(&v), "camera      none\n") != NULL);
    v.sound = SOUND_PLAY;
    CHECK(strstr(told(&v), "no microphone, and nothing of what others play") != NULL);
    v.sound = SOUND_RECORD;
    CHECK(strstr(told(&v), "can listen to the microphone") != NULL);
    v.portals = true;
    CHECK(strstr(told(&v), "by the desktop's portal") != NULL);
    v = view("bind /run/user/1/pipewire-0 /run/user/1/pipewire-0 ro 1:1\n", NULL);
    CHECK(v.pipewire && strstr(told(&v), "every camera that PipeWire has") != NULL);
    v = view("bind /dev /dev rw,dev 1:1\n", NULL);
    CHECK(strstr(told(&v), "every camera\n") != NULL);
}

static void tells_of_whole_buses(void)
{
    static const char own[] = "env DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1/own\n";
    struct plan p = {.arena = &arena};
    struct display_view v = view("", NULL);
    CHECK(v.session_bus == BUS_WAY_NONE && v.system_bus == BUS_WAY_NONE);
    CHECK(!strstr(told(&v), "no sandbox"));
    v = view(own, NULL);
    CHECK_INT(v.session_bus, BUS_WAY_OWN);
    plan_add(&p, PLAN_BIND, NULL, "/run/x", "/run/user/1/bus", "ro", (char *)NULL);
    plan_add_service(&p, "dbus", "/run/x", "policy:2");
    plan_add_service(&p, "dbus-system", "/run/y", "policy:2");
    explain_display(&arena, &p, &v);
    CHECK(v.session_bus == BUS_WAY_FILTERED && v.system_bus == BUS_WAY_FILTERED);
    /* A filter is none where the bus is in reach beside it, wherever that lies. */
    p.whole_session_bus = true;
    explain_display(&arena, &p, &v);
    CHECK(v.session_bus == BUS_WAY_WHOLE && v.system_bus == BUS_WAY_FILTERED);
    p.whole_system_bus = true;
    explain_display(&arena, &p, &v);
    CHECK(v.session_bus == BUS_WAY_WHOLE && v.system_bus == BUS_WAY_WHOLE);
    CHECK(strstr(told(&v), "any program started outside, which is no sandbox") != NULL);
    CHECK(strstr(told(&v), "every service that trusts you") != NULL);
}

static void tells_of_a_display_in_json(void)
{
    struct buf b = {.arena = &arena};
    struct display_view v = view("env WAYLAND_DISPLAY=wayland-0\n", "power dmabuf clipboard-in\n");
    explain_display_json(&v, &b);
    CHECK_STR(b.data, "{\"wayland\":\"filtered\",\"x11\":\"none\",\"sound\":false,"
                      "\"sound_way\":\"none\",\"pipewire\":false,\"devices\":false,"
                      "\"session_bus\":\"none\",\"system_bus\":\"none\",\"powers\":["
                      "\"dmabuf\",\"clipboard-in\"]}\n");
}

int main(void)
{
    setup();
    RUN(tells_the_three_bits);
    RUN(follows_links_inside);
    RUN(ends_on_loops);
    RUN(names_the_step_and_the_host);
    RUN(does_without_facts);
    RUN(looks_at_the_host);
    RUN(writes_text);
    RUN(writes_json);
    RUN(tells_of_a_filtered_display);
    RUN(tells_of_a_bare_display);
    RUN(tells_of_x_servers);
    RUN(tells_of_sound_and_cameras);
    RUN(tells_of_whole_buses);
    RUN(tells_of_a_display_in_json);
    return t_done();
}
