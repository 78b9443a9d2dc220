/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A portal's question names the app by the name in ID.desktop on the host, and by nothing at all
 * where there is no such file. Ids are often not what the distribution calls its file
 * (org.mozilla.firefox, firefox-esr.desktop): then one is put among the person's, with that name
 * and icon, which no menu shows.
 */
#include "cli/named.h"

#include "catalog/desktop.h"
#include "cli/entry.h"
#include "cli/exported.h"
#include "util/str.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the questions show, in all languages. */
static const char *const shown[] = {"Name", "GenericName", "Comment", "Icon"};

/* The distribution's file of that name, or NULL. */
static const char *of_system(struct cli *c, const char *name, struct stat *st)
{
    const char *told = facts_env(&c->facts, "XDG_DATA_DIRS");
    for (const char *p = told && *told ? told : "/usr/local/share:/usr/share"; name && *p;) {
        size_t n = strcspn(p, ":");
        const char *path = arena_printf(&c->arena, "%.*s/applications/%s", (int)n, p, name);
        if (*p == '/' && stat(path, st) == 0 && S_ISREG(st->st_mode))
            return path;
        p += n + (p[n] == ':');
    }
    return NULL;
}

static bool is_shown(const char *line, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
        size_t k = strlen(shown[i]);
        if (n > k && memcmp(line, shown[i], k) == 0 &&
            (line[k] == '=' || line[k] == '[' || line[k] == ' '))
            return true;
    }
    return false;
}

/* Returns whether a name was among it. */
static bool copy_shown(const struct buf *text, struct buf *out)
{
    static const char group[] = "[Desktop Entry]";
    bool inside = false, named = false;
    for (const char *line = text->data; line && *line;) {
        size_t n = strcspn(line, "\n"), value;
        if (*line == '[')
            inside = n >= strlen(group) && memcmp(line, group, strlen(group)) == 0;
        if (inside && is_shown(line, n)) {
            named |= entry_key(line, n, "Name", &value);
            buf_bytes(out, line, n);
            buf_char(out, '\n');
        }
        line += n + (line[n] == '\n');
    }
    return named;
}

static void write_text(struct cli *c, const struct job *j, const char *from, struct buf *out)
{
    struct buf text = {.arena = &c->arena};
    buf_printf(out,
               DESKTOP_MADE_FOR_NAMES "%s\n[Desktop Entry]\nType=Application\nNoDisplay=true\n",
               j->app.id);
    buf_printf(out, "Exec=%s run %s\n", c->own_path, j->app.id);
    if (!from || !read_text(&c->arena, from, &text) || !copy_shown(&text, out))
        buf_printf(out, "Name=%s\n", base_name(j->request.program));
}

void name_for_portals(struct cli *c, const struct job *j)
{
    const struct carrel_value *desktop = policy_carrel(&j->policy, "Carrel Application", "desktop");
    const char *name = arena_printf(&c->arena, "%s.desktop", j->app.id);
    struct exported_file f = {APPLICATIONS, name, {.arena = &c->arena}};
    const char *own = arena_printf(&c->arena, "%s/%s", own_folder(c, f.folder), name);
    struct stat mine, st;
    struct buf text = {.arena = &c->arena};
    if (!plan_service_named(&j->plan, "dbus") || !entry_plain_path(c->own_path))
        return;
    bool there = lstat(own, &mine) == 0;
    if (there &&
        (!read_text(&c->arena, own, &text) || !str_after(text.data, DESKTOP_MADE_FOR_NAMES)))
        return; /* the person's, or another program's */
    if (of_system(c, name, &st)) {
        if (there)
            unlink(own); /* the distribution's has come since */
        return;
    }
    const char *from = of_system(c, desktop ? desktop->value : NULL, &st);
    if (there && (!from || st.st_ctime < mine.st_mtime))
        return;
    write_text(c, j, from, &f.text);
    int r = put_own_file(c, &f);
    if (r < 0)
        diag_add(&c->diags, DIAG_WARNING, (struct place){0}, NULL,
                 "portals have no name for %s: cannot write %s: %s", j->app.id, own, strerror(-r));
}
