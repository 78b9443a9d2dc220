/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/entry.h"

#include "t.h"
#include "util/arena.h"

static struct arena arena;

static const char *confined(const char *text)
{
    struct buf out = {.arena = &arena};
    entry_confine(text, strlen(text), "/bin/carrel run --app-id=a.b", "a.b", &out);
    CHECK(entry_is_ours(out.data, out.len, "a.b", NULL, NULL));
    CHECK(!entry_is_ours(out.data, out.len, "a.bc", NULL, NULL));
    return strchr(out.data, '\n') + 1;
}

static void every_command_goes_through_carrel(void)
{
    CHECK_STR(confined("[Desktop Entry]\nName=X\nExec=x \"%%\" %U\n\n[Desktop Action new]\n"
                       "Exec = env A=B x --new %u"),
              "[Desktop Entry]\nName=X\nExec=/bin/carrel run --app-id=a.b x \"%%\" %U\n\n"
              "[Desktop Action new]\nExec=/bin/carrel run --app-id=a.b env A=B x --new %u\n");
}

static void other_keys_stay(void)
{
    CHECK_STR(confined("[Desktop Entry]\nTryExec=/usr/bin/x\nExecutable=no\nName[de]=Exec=1\n"),
              "[Desktop Entry]\nTryExec=/usr/bin/x\nExecutable=no\nName[de]=Exec=1\n");
}

static void nothing_leads_past_it(void)
{
    CHECK_STR(confined("[Desktop Entry]\nDBusActivatable=true\n DBusActivatable = true\n"
                       "\tExec=x\n[D-BUS Service]\nSystemdService=x.service\nName=a.b\n"),
              "[Desktop Entry]\nExec=/bin/carrel run --app-id=a.b x\n[D-BUS Service]\nName=a.b\n");
}

static void shims_are_known_again(void)
{
    struct buf out = {.arena = &arena};
    const char *owner = NULL;
    size_t n = 0;
    entry_shim("/bin/carrel", "a.b", "x", &out);
    CHECK_STR(out.data, "#!/bin/sh\n# Made by: carrel desktop enable a.b\n"
                        "exec /bin/carrel run --app-id=a.b x \"$@\"\n");
    CHECK(entry_is_ours(out.data, out.len, NULL, &owner, &n));
    CHECK(n == 3 && owner && memcmp(owner, "a.b", 3) == 0);
}

static void nothing_else_is_ours(void)
{
    static const char *const texts[] = {
        "",
        "#!/bin/sh\n",
        "#!/bin/sh\nexec x\n",
        "[Desktop Entry]\n",
        "# Made by: carrel desktop",
        "# Made by: carrel desktop enable \n",
        "# Made by: carrel desktop enable a.b",
        "\n# Made by: carrel desktop enable a.b\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(!entry_is_ours(texts[i], strlen(texts[i]), NULL, NULL, NULL));
}

static void odd_paths_are_refused(void)
{
    CHECK(entry_plain_path("/home/me/.local/bin/carrel"));
    CHECK(!entry_plain_path("carrel"));
    CHECK(!entry_plain_path("/home/a b/carrel"));
    CHECK(!entry_plain_path("/home/$x/carrel"));
    CHECK(!entry_plain_path("/home/%f/carrel"));
    CHECK(!entry_plain_path("/home/a\nb/carrel"));
}

static void a_unit_gets_a_drop_in(void)
{
    static const char unit[] = "[Unit]\nDescription=x\n[Service]\nExecStartPre=/bin/no\n"
                               "ExecStart=-/usr/bin/x --a \"b c\" %%h \nExecStart=/usr/bin/y\n";
    struct buf out = {.arena = &arena}, bad = {.arena = &arena};
    CHECK(entry_unit(unit, strlen(unit), "/bin/carrel run --app-id=a.b", "a.b", &out));
    CHECK_STR(
        strchr(out.data, '\n') + 1,
        "[Service]\nExecStart=\nExecStart=-/bin/carrel run --app-id=a.b /usr/bin/x --a \"b c\" "
        "%%h\nExecStart=/bin/carrel run --app-id=a.b /usr/bin/y\n");
    CHECK(entry_is_ours(out.data, out.len, "a.b", NULL, NULL));
    static const char *const refused[] = {"[Service]\nExecStart=@/usr/bin/x name\n",
                                          "[Service]\nExecStart=/usr/bin/x \\\n  more\n",
                                          "[Service]\nExecStart=-\n",
                                          "[Service]\nExecStart=\n",
                                          "[Service]\n",
                                          ""};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK(!entry_unit(refused[i], strlen(refused[i]), "/bin/carrel", "a.b", &bad));
}

int main(void)
{
    RUN(every_command_goes_through_carrel);
    RUN(other_keys_stay);
    RUN(a_unit_gets_a_drop_in);
    RUN(nothing_leads_past_it);
    RUN(shims_are_known_again);
    RUN(nothing_else_is_ours);
    RUN(odd_paths_are_refused);
    arena_release(&arena);
    return t_done();
}
