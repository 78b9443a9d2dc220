/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ask/access.h"

#include "ask/ask.h"
#include "t.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static struct arena arena;

/* What an answer means whose bytes stand in the corpus. */
static int answer(const char *corpus, const char *name)
{
    struct buf text = {.arena = &arena};
    CHECK_INT(file_read(arena_printf(&arena, "%s/%s", corpus, name), 4096, &text), 0);
    struct message m = {.type = WIRE_RETURN, .body = text.len, .signature = "ua{sv}"};
    return access_answer(&m, (const uint8_t *)(text.data ? text.data : ""), text.len);
}

static const char *corpus;

static void answers(void)
{
    CHECK_INT(answer(corpus, "yes"), ANSWER_YES);
    CHECK_INT(answer(corpus, "no"), ANSWER_NO);
    CHECK_INT(answer(corpus, "closed"), ANSWER_NO);
    CHECK_INT(answer(corpus, "always"), ANSWER_ALWAYS);
    CHECK_INT(answer(corpus, "gtk"), ANSWER_ALWAYS);
    CHECK_INT(answer(corpus, "never"), ANSWER_NO);
    CHECK_INT(answer(corpus, "more"), ANSWER_YES);
    CHECK_INT(answer(corpus, "cut"), -EPROTO);
    CHECK_INT(answer(corpus, "empty"), -EPROTO);
    CHECK_INT(answer(corpus, "long"), -EPROTO);
    struct message other = {.type = WIRE_RETURN, .body = 4, .signature = "u"};
    CHECK_INT(access_answer(&other, (const uint8_t[4]){0}, 4), -EPROTO);
}

static void put(const char *folder, const char *name, const char *text)
{
    const char *path = arena_printf(&arena, "%s/%s", folder, name);
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && file_write_all(fd, text, strlen(text)) == 0);
}

static void the_desktop_s_own_backend_is_chosen(void)
{
    static const char *const files[] = {"a.portal", "gtk.portal", "kde.portal", "old.portal",
                                        "no.txt"};
    char folder[] = "/tmp/carrel-access.XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    CHECK_STR(access_backend(&arena, folder, "KDE"), NULL);
    CHECK_STR(access_backend(&arena, "/nonexistent", "KDE"), NULL);
    put(folder, "a.portal",
        "[portal]\nDBusName=org.a\nInterfaces=org.freedesktop.impl.portal.Access\n");
    CHECK_STR(access_backend(&arena, folder, NULL), "org.a");
    put(folder, "gtk.portal",
        "[portal]\nDBusName=org.gtk\nInterfaces=x;org.freedesktop.impl.portal.Access;\nUseIn="
        "gnome\n");
    put(folder, "kde.portal",
        "[portal]\nDBusName=org.kde\nInterfaces=org.freedesktop.impl.portal.Access\nUseIn=KDE\n");
    put(folder, "old.portal",
        "[portal]\nDBusName=org.old\nInterfaces=org.freedesktop.impl.portal.Accessible\nUseIn="
        "xfce\n");
    put(folder, "no.txt",
        "DBusName=org.no\nInterfaces=org.freedesktop.impl.portal.Access\nUseIn=lxqt\n");
    CHECK_STR(access_backend(&arena, folder, NULL), "org.gtk");
    CHECK_STR(access_backend(&arena, folder, "XFCE:lxqt"), "org.gtk");
    CHECK_STR(access_backend(&arena, folder, "X:kde"), "org.kde");
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        unlink(arena_printf(&arena, "%s/%s", folder, files[i]));
    CHECK(rmdir(folder) == 0);
}

int main(int argc, char **argv)
{
    corpus = argc > 1 ? argv[1] : "corpus";
    RUN(answers);
    RUN(the_desktop_s_own_backend_is_chosen);
    arena_release(&arena);
    return t_done();
}
