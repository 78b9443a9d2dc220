/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel doctor: what this host lacks, and the exact remedy. */
#include "cli/doctor.h"

#include "cli/commands.h"
#include "util/file.h"
#include "util/json.h"
#include "util/str.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const health_names[] = {
    [HEALTH_GOOD] = "good", [HEALTH_INFO] = "info", [HEALTH_WEAK] = "weak", [HEALTH_BAD] = "bad"};

const char *host_line(const struct host *h, const char *path)
{
    struct buf text = {.arena = h->arena};
    if (file_read(arena_printf(h->arena, "%s%s", h->root, path), 65536, &text) < 0)
        return NULL;
    text.data[strcspn(text.data, "\n")] = '\0';
    return text.data;
}

long long host_number(const struct host *h, const char *path)
{
    const char *line = host_line(h, path);
    char *end;
    if (!line)
        return -1;
    errno = 0;
    long long n = strtoll(line, &end, 10);
    return errno || end == line || *end || n < 0 ? -1 : n;
}

bool host_has(const struct host *h, const char *path)
{
    return access(arena_printf(h->arena, "%s%s", h->root, path), F_OK) == 0;
}

static void finding_text(const struct check *k, const struct finding *f, struct buf *out)
{
    buf_printf(out, "%-5s %s: ", health_names[f->health], k->title);
    diag_escape(out, f->state);
    if (f->meaning)
        buf_printf(out, "\n      %s", f->meaning);
    if (f->remedy)
        buf_printf(out, "\n      remedy: %s", f->remedy);
    buf_char(out, '\n');
}

static void finding_json(struct json *j, const struct check *k, const struct finding *f)
{
    json_object(j, NULL);
    json_string(j, "id", k->id);
    json_string(j, "title", k->title);
    json_string(j, "health", health_names[f->health]);
    json_string(j, "state", f->state);
    if (f->meaning)
        json_string(j, "meaning", f->meaning);
    if (f->remedy)
        json_string(j, "remedy", f->remedy);
    json_end(j);
}

static int doctor(struct cli *c)
{
    static const struct check *const tables[] = {doctor_kernel_checks, doctor_host_checks};
    const char *root = cli_value(c, "root");
    struct host h = {.arena = &c->arena, .root = root ? root : "", .tries = !root};
    if (cli_find_tree(c))
        return EXIT_REFUSED;
    h.datadir = c->datadir;
    struct buf out = {.arena = &c->arena};
    struct json j = {.out = &out};
    bool as_json = cli_has(c, "json");
    int bad = 0;
    if (as_json)
        json_array(&j, NULL);
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const struct check *k = tables[t]; k->id; k++) {
            struct finding f = k->look(&h);
            bad += f.health == HEALTH_BAD;
            if (as_json)
                finding_json(&j, k, &f);
            else
                finding_text(k, &f, &out);
        }
    }
    if (as_json)
        json_end(&j);
    else
        buf_str(&out, bad ? "\nApps cannot be started on this host yet.\n"
                          : "\nNothing that is needed is missing.\n");
    int r = cli_print(c, &out);
    return r ? r : bad ? EXIT_FOUND_FAULTS : 0;
}

static const struct option doctor_options[] = {
    {"json", NULL, "print the findings as JSON"},
    {"root", "FOLDER", NULL}, /* for tests: switches are read below it, nothing is tried */
    {NULL, NULL, NULL},
};

const struct command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "tell what this host lacks to run apps confined, and the remedy",
    .options = doctor_options,
    .run = doctor,
};
