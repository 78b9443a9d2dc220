/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "autostart/autostart.h"

#include "t.h"
#include "util/file.h"
#include "util/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ID     "org.example.App"
#define CARREL "/opt/bin/carrel"

static struct arena arena;

static const char *entry(const char *name, const char *exec, const char *more)
{
    return arena_printf(&arena, "[Desktop Entry]\nType=Application\nName=%s\nExec=%s\n%s", name,
                        exec, more);
}

/* What is behind "Exec=CARREL run " in the new entry; "off", "foreign" or "ours". */
static const char *exec_of(const char *exec)
{
    struct buf out = {.arena = &arena};
    const char *text = entry("App", exec, "X-Flatpak=" ID "\n");
    switch (autostart_rewrite(&arena, text, strlen(text), ID, CARREL, &out)) {
    case AUTOSTART_FOREIGN:
        return "foreign";
    case AUTOSTART_OURS:
        return "ours";
    case AUTOSTART_OFF:
        return strstr(out.data, "\nHidden=true\n") ? "off" : "not off";
    case AUTOSTART_ANEW:
        break;
    }
    char *at = strstr(out.data, "\nExec=" CARREL " run ");
    CHECK(at && !strstr(out.data, "Hidden"));
    at += strlen("\nExec=" CARREL " run ");
    at[strcspn(at, "\n")] = '\0';
    return at;
}

static void the_command_becomes_ours(void)
{
    CHECK_STR(exec_of("flatpak run " ID), ID);
    CHECK_STR(exec_of("/usr/bin/flatpak run " ID " --hidden"), ID " -- --hidden");
    CHECK_STR(exec_of("flatpak run --command=/usr/bin/prog " ID " -a b"),
              "--command=/usr/bin/prog " ID " -- -a b");
    CHECK_STR(exec_of("flatpak run --command=prog " ID " --filesystem=host -- x"),
              "--command=prog " ID " -- --filesystem=host -- x");
    CHECK_STR(exec_of("flatpak run '--command=a b' " ID), "\"--command=a b\" " ID);
}

static void words_are_quoted_anew(void)
{
    CHECK_STR(exec_of("flatpak run " ID " 'a b' \"c\\\\\"d\" e\\\\ f ''"),
              ID " -- \"a b\" \"c\\\\\"d\" \"e f\" \"\"");
    CHECK_STR(exec_of("flatpak run " ID " 'it'\\\\''s' $HOME"), ID " -- \"it's\" \"\\\\$HOME\"");
    CHECK_STR(exec_of("flatpak run " ID " 'a\\\\b'"), ID " -- \"a\\\\\\\\b\"");
    CHECK_STR(exec_of("flatpak run " ID " %u 100%%"), ID " -- \"%%u\" \"100%%\"");
}

static void what_no_portal_writes_is_switched_off(void)
{
    static const char *const bad[] = {
        "prog",
        "",
        "flatpak run",
        "flatpak run org.example.Other",
        "flatpak install " ID,
        "flatpak run --command= " ID,
        "flatpak run --filesystem=host " ID,
        "flatpak run --command=x --filesystem=host " ID,
        "flatpak run --command=x --command=y " ID,
        "flatpak run " ID " 'a",
        "flatpak run " ID " a\\nb",
        "flatpak run " ID " \xff",
        "sh -c 'flatpak run " ID "'",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_STR(exec_of(bad[i]), "off");
    struct buf many = {.arena = &arena};
    for (int i = 0; i <= AUTOSTART_MOST_WORDS; i++)
        buf_str(&many, " a");
    CHECK_STR(exec_of(arena_printf(&arena, "flatpak run " ID "%s", many.data)), "off");
}

static void others_are_left_alone(void)
{
    static const char *const others[] = {
        "",
        "[Desktop Entry]\nExec=flatpak run " ID "\n",
        "[Desktop Entry]\nExec=flatpak run " ID "\nX-Flatpak=org.example.Other\n",
        "[Desktop Entry]\nExec=flatpak run " ID "\n[Other]\nX-Flatpak=" ID "\n",
        "X-Flatpak=" ID "\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct buf out = {.arena = &arena};
        CHECK_INT(autostart_rewrite(&arena, others[i], strlen(others[i]), ID, CARREL, &out),
                  AUTOSTART_FOREIGN);
        CHECK_INT(out.len, 0);
    }
}

/* A desktop that asks the bus to start it would go past us. */
static void no_other_way_is_left(void)
{
    struct buf out = {.arena = &arena}, again = {.arena = &arena};
    const char *text = entry("Nice name", "flatpak run " ID,
                             "DBusActivatable=true\nX-Flatpak=" ID "\nTryExec=flatpak\n");
    CHECK_INT(autostart_rewrite(&arena, text, strlen(text), ID, CARREL, &out), AUTOSTART_ANEW);
    CHECK(!strstr(out.data, "DBus") && !strstr(out.data, "flatpak") &&
          !strstr(out.data, "Flatpak"));
    CHECK(strstr(out.data, "\nName=Nice name\n") != NULL);
    CHECK_INT(autostart_rewrite(&arena, out.data, out.len, ID, CARREL, &again), AUTOSTART_OURS);
    struct buf changed = {.arena = &arena};
    text = arena_printf(&arena, "%sX-Flatpak=" ID "\nExec=flatpak run " ID "\n", out.data);
    CHECK_INT(autostart_rewrite(&arena, text, strlen(text), ID, CARREL, &changed), AUTOSTART_ANEW);
    struct buf odd = {.arena = &arena};
    text = entry("a\\nExec=x", "flatpak run " ID, "X-Flatpak=" ID "\n");
    CHECK_INT(autostart_rewrite(&arena, text, strlen(text), ID, CARREL, &odd), AUTOSTART_ANEW);
    CHECK(strstr(odd.data, "\nName=" ID "\n") != NULL);
}

/* ---- files ---- */

static void put(int folder, const char *text)
{
    cleanup_fd int fd = openat(folder, ID ".desktop", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && file_write_all(fd, text, strlen(text)) == 0);
}

static void a_file_is_replaced_or_left(void)
{
    char name[] = "/tmp/carrel-autostart.XXXXXX";
    CHECK(mkdtemp(name) != NULL);
    cleanup_fd int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *path = arena_printf(&arena, "%s/" ID ".desktop", name);
    struct buf text = {.arena = &arena};
    struct stat st;
    CHECK_INT(autostart_mend(folder, ID, CARREL), AUTOSTART_FOREIGN);
    CHECK(stat(path, &st) < 0); /* nothing is made where nothing was */
    put(folder, entry("App", "flatpak run " ID, "X-Flatpak=" ID "\n"));
    CHECK_INT(autostart_mend(folder, ID, CARREL), AUTOSTART_ANEW);
    CHECK_INT(autostart_mend(folder, ID, CARREL), AUTOSTART_OURS);
    CHECK_INT(file_read(path, AUTOSTART_MOST_BYTES, &text), 0);
    CHECK(strstr(text.data, "Exec=" CARREL " run " ID "\n") != NULL);
    put(folder, "[Desktop Entry]\nExec=prog\n");
    CHECK_INT(autostart_mend(folder, ID, CARREL), AUTOSTART_FOREIGN);
    unlink(path);
    CHECK(symlink("/etc/passwd", path) == 0);
    CHECK_INT(autostart_mend(folder, ID, CARREL), AUTOSTART_FOREIGN);
    CHECK(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
    unlink(path);
    CHECK(rmdir(name) == 0); /* and nothing is left beside it */
}

int main(void)
{
    RUN(the_command_becomes_ours);
    RUN(words_are_quoted_anew);
    RUN(what_no_portal_writes_is_switched_off);
    RUN(others_are_left_alone);
    RUN(no_other_way_is_left);
    RUN(a_file_is_replaced_or_left);
    arena_release(&arena);
    return t_done();
}
