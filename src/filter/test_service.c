/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is the same in all filters: settings, complaints, the supervisor's end. Each case runs in a
 * process of its own, with its standard error and its descriptors in our hands. */
#include "filter/service.h"
#include "t.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 64 };

static char said[8192];

/* Runs f with `settings` at its place (NULL: nothing is there). Returns its exit status; what it
 * wrote is in `said`. */
static int run(int (*f)(struct service *), const char *settings)
{
    int out = memfd_create("said", 0), status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        int fd = memfd_create("settings", 0);
        struct service s = {.name = "carrel-test"};
        bool ready = dup2(out, 2) == 2 && fd >= 0 &&
                     (!settings || write(fd, settings, strlen(settings)) >= 0) &&
                     dup2(fd, SERVICE_SETTINGS) == SERVICE_SETTINGS;
        if (!settings)
            close(SERVICE_SETTINGS);
        _exit(ready ? f(&s) : 99);
    }
    waitpid(pid, &status, 0);
    ssize_t n = pread(out, said, sizeof said - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    close(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int reads(struct service *s)
{
    char text[ROOM];
    size_t n = service_settings(s, text, sizeof text);
    bool right = n == 5 && memcmp(text, "a\nb c", 5) == 0;
    return right && fcntl(SERVICE_SETTINGS, F_GETFD) < 0 ? 0 : 1;
}

static int reads_nothing(struct service *s)
{
    char text[ROOM];
    return (int)service_settings(s, text, sizeof text);
}

static void settings(void)
{
    char longest[ROOM], longer[ROOM + 1];
    memset(longest, 'x', ROOM - 1);
    longest[ROOM - 1] = '\0';
    memset(longer, 'x', ROOM);
    longer[ROOM] = '\0';
    CHECK_INT(run(reads, "a\nb c"), 0);
    CHECK_INT(run(reads_nothing, ""), 0);
    CHECK_INT(run(reads_nothing, longest), ROOM - 1);
    CHECK_INT(run(reads_nothing, longer), SERVICE_FAILED);
    CHECK_STR(said, "carrel-test: its settings are too long\n");
    CHECK_INT(run(reads_nothing, NULL), SERVICE_FAILED);
    CHECK_STR(said, "carrel-test: its settings cannot be read: Bad file descriptor\n");
}

static int complains(struct service *s)
{
    for (int i = 0; i < 3 * SERVICE_COMPLAINTS; i++)
        service_fault(s, NULL, "it is as it is");
    return 0;
}

static int complains_to_nobody(struct service *s)
{
    close(2);
    service_fault(s, NULL, "it is as it is");
    return s->complaints == SERVICE_COMPLAINTS ? 0 : 1;
}

static int complains_at_length(struct service *s)
{
    char why[1000];
    memset(why, 'x', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    service_fault(s, NULL, why);
    return s->complaints;
}

static void complaints(void)
{
    static const char line[] = "carrel-test: connection ended: it is as it is\n";
    size_t lines = 0;
    CHECK_INT(run(complains, ""), 0);
    for (const char *p = said; (p = strstr(p, line)); p += sizeof line - 1)
        lines++;
    CHECK_INT((int)lines, SERVICE_COMPLAINTS);
    CHECK_INT((int)strlen(said), (int)(lines * (sizeof line - 1)));
    CHECK_INT(run(complains_to_nobody, ""), 0);
    CHECK_INT(run(complains_at_length, ""), 0);
    CHECK_STR(said, "");
}

static void control(void)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK(service_control(NULL, NULL, ends[0])); /* nothing was said: it goes on */
    CHECK(send(ends[1], "word", 4, 0) == 4 && service_control(NULL, NULL, ends[0]));
    close(ends[1]);
    CHECK(!service_control(NULL, NULL, ends[0])); /* the supervisor's end is the filter's */
    close(ends[0]);
}

int main(void)
{
    RUN(settings);
    RUN(complaints);
    RUN(control);
    return t_done();
}
