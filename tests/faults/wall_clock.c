/* Tells a process another wall-clock time: as many seconds from the machine's as the file named by WALL_CLOCK_FILE says. It is read
 * at every look, so that the clock can be set while the process runs. The monotonic clock stays as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*machine)(clockid_t, struct timespec *);
    if (!machine)
        *(void **)&machine = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = machine(clock, now);
    const char *path = getenv("WALL_CLOCK_FILE");
    if (failed || clock != CLOCK_REALTIME || !path)
        return failed;
    char text[32] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) < 1)
        abort();
    close(file);
    now->tv_sec += atol(text);
    return 0;
}
