/* Has a process fail at its Nth call that changes a file: CALL_FAULT is `N:kill` (it is killed before the call), `N:half` (killed in the
 * middle: of a write, half is done; else right after) or `N:error` (the call answers EIO, once). Calls are those by which the program
 * does so: writes, syncs, cuts, renames, links, removals, new directories, and openings that may make or empty a file. Files are
 * those whose path begins with CALL_FAULT_UNDER and not with CALL_FAULT_BUT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault { NONE, HALF, ERROR };

static int begins(const char *path, const char *variable) {
    const char *with = getenv(variable);
    return with && strncmp(path, with, strlen(with)) == 0;
}

static _Noreturn void end(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What is to happen at this call; it does not return where the process is to be killed before it. */
static enum fault fault_at(const char *path) {
    static atomic_long calls;
    const char *told = getenv("CALL_FAULT");
    if (!told || !begins(path, "CALL_FAULT_UNDER") || begins(path, "CALL_FAULT_BUT"))
        return NONE;
    if (atomic_fetch_add(&calls, 1) + 1 != atol(told))
        return NONE;
    const char *what = strchr(told, ':');
    /* Whoever reads the log learns where it was. */
    dprintf(STDERR_FILENO, "fault %s at %s\n", told, path);
    if (what && strcmp(what, ":error") == 0)
        return ERROR;
    if (what && strcmp(what, ":half") == 0)
        return HALF;
    if (!what || strcmp(what, ":kill") != 0)
        abort();
    end();
}

static enum fault fault_of(int file) {
    char link[32], path[PATH_MAX] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    return readlink(link, path, sizeof path - 1) > 0 ? fault_at(path) : NONE;
}

/* What the C library has under that name. */
#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) \
        *(void **)&real = dlsym(RTLD_NEXT, #name)

/* A call that is done or not. */
#define CALLED(fault, call) \
    switch (fault) { \
    case ERROR: \
        errno = EIO; \
        return -1; \
    case HALF: \
        (void)!(call); \
        end(); \
    case NONE: \
        break; \
    } \
    return call

ssize_t write(int file, const void *bytes, size_t size) {
    REAL(write);
    enum fault fault = fault_of(file);
    if (fault == HALF)
        size /= 2;
    CALLED(fault, real(file, bytes, size));
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
    REAL(pwrite64);
    enum fault fault = fault_of(file);
    if (fault == HALF)
        size /= 2;
    CALLED(fault, real(file, bytes, size, at));
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    return pwrite64(file, bytes, size, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(writev);
    enum fault fault = fault_of(file);
    if (fault == HALF)
        count = (count + 1) / 2;
    CALLED(fault, real(file, parts, count));
}

int fsync(int file) {
    REAL(fsync);
    CALLED(fault_of(file), real(file));
}

int fdatasync(int file) {
    REAL(fdatasync);
    CALLED(fault_of(file), real(file));
}

int ftruncate64(int file, off64_t size) {
    REAL(ftruncate64);
    CALLED(fault_of(file), real(file, size));
}

int ftruncate(int file, off_t size) {
    return ftruncate64(file, size);
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        CALLED(flags & (O_CREAT | O_TRUNC) ? fault_at(path) : NONE, real(path, flags, mode)); \
    }

OPENS(open)
OPENS(open64)

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    REAL(linkat);
    CALLED(fault_at(to), real(from_at, from, to_at, to, flags));
}

int rename(const char *from, const char *to) {
    REAL(rename);
    CALLED(fault_at(to), real(from, to));
}

int unlink(const char *path) {
    REAL(unlink);
    CALLED(fault_at(path), real(path));
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    CALLED(fault_at(path), real(path, mode));
}
