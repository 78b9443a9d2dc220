/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CATALOG_DESKTOP_H
#define CARREL_CATALOG_DESKTOP_H

#include "util/arena.h"
#include <stdbool.h>
#include <stddef.h>

#define DESKTOP_MAX_BYTES (256u << 10)
#define DESKTOP_MAX_ARGS  128

/* How the files begin that Carrel writes: `carrel desktop enable`, and the last `carrel run`; the
 * app's id follows. They start Carrel, not the program: whoever looks for the program must pass
 * them over. */
#define DESKTOP_MADE           "# Made by: carrel "
#define DESKTOP_MARK           DESKTOP_MADE "desktop enable "
#define DESKTOP_MADE_FOR_NAMES DESKTOP_MADE "run, for the names in portals' questions: "

/*
 * Reads the Exec= line of a .desktop file's [Desktop Entry] group (Desktop Entry Specification
 * 1.5, "The Exec key"). Field codes (%f %U …) are dropped, as the caller appends what the person
 * gave; %% is one percent sign. Nothing is ever given to a shell.
 * On success returns 0 and sets *argv (NULL-terminated, in the arena, at least one word) and
 * *line. Returns -1 with *line (0: no such line) and *error, a fixed text.
 */
int desktop_exec(struct arena *a, const char *text, size_t size, const char *const **argv,
                 int *line, const char **error);

/* The index of the word in argv that names the program: not always 0, as Exec=env A=B program is
 * common. */
size_t desktop_program(const char *const *argv);

/* Whether a program of that name, or path, is no app but starts what it is told: a shell, an
 * interpreter (python3.11), env, pkexec … */
bool desktop_starter(const char *program);

/* Whether the command is such a program with something for it to start: Exec=sh -c … */
bool desktop_starts_another(const char *const *argv);

#endif
