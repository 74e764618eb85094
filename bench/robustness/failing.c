/* System calls that fail on request. The library is preloaded (LD_PRELOAD); failing.py says which call fails, and how.

A call is identified by its name, its file relative to a folder, and its turn: the third "write run/metrics.jsonl".
Random parts of names become a star. Calls about other files are left alone. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, FAIL, SHORT, KILL_BEFORE, KILL_MIDDLE, KILL_AFTER, FAIL_FROM_HERE };
enum { DESCRIPTORS = 4096, TAKES_SPACE = 1, TAKES_NONE = 0 };

static char root[PATH_MAX], wanted[PATH_MAX];
static size_t root_length;
static int armed, wanted_turn, wanted_action, wanted_error, turns, happened, log_descriptor = -1;
static char *names[DESCRIPTORS];

/* Begin: write calls beneath `folder` to the descriptor `log` (-1: nowhere), and let the `turn`-th call named `call`
   meet `action`, with errno set to `error`. */
void failing_begin(const char *folder, int log, const char *call, int turn, int action, int error)
{
    snprintf(root, sizeof root, "%s/", folder);
    root_length = strlen(root);
    snprintf(wanted, sizeof wanted, "%s", call);
    log_descriptor = log, wanted_turn = turn, wanted_action = action, wanted_error = error;
    turns = happened = 0;
    armed = 1;
}

/* True if the fault was met. */
int failing_happened(void) { return happened; }

static _Noreturn void die(void)
{
    for (;;)
        kill(getpid(), SIGKILL);
}

static int is_hexadecimal(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/* The action that this call meets; `place` is its file relative to the folder, or NULL for one elsewhere. */
static int meet(const char *call, const char *place, int takes_space)
{
    char name[2 * PATH_MAX], *end = name;
    if (!armed || !place)
        return NOTHING;
    end += snprintf(name, PATH_MAX, "%s ", call);
    while (*place && end < name + sizeof name - 2) {
        size_t run = 0;
        while (is_hexadecimal(place[run]))
            run++;
        if (run >= 8)
            *end++ = '*', place += run;
        else
            do
                *end++ = *place++;
            while (run-- > 1);
    }
    *end = 0;
    if (log_descriptor >= 0) {
        *end = '\n';
        syscall(SYS_write, log_descriptor, name, end - name + 1);
        *end = 0;
    }
    if (happened && wanted_action == FAIL_FROM_HERE && takes_space)
        return FAIL;
    if (strcmp(name, wanted) || __atomic_add_fetch(&turns, 1, __ATOMIC_SEQ_CST) != wanted_turn)
        return NOTHING;
    happened = 1;
    return wanted_action == FAIL_FROM_HERE ? FAIL : wanted_action;
}

static const char *of_descriptor(int descriptor)
{
    return armed && descriptor >= 0 && descriptor < DESCRIPTORS ? names[descriptor] : NULL;
}

/* A path relative to the folder, which is "." itself, perhaps in `buffer`; NULL for one elsewhere. */
static const char *beneath(int folder, const char *path, char *buffer)
{
    if (!armed || !path)
        return NULL;
    if (*path == '/' && strlen(path) == root_length - 1 && !strncmp(path, root, root_length - 1))
        return ".";
    if (*path == '/')
        return strncmp(path, root, root_length) ? NULL : path + root_length;
    const char *above = folder == AT_FDCWD ? NULL : of_descriptor(folder);
    if (!above)
        return NULL;
    if (!strcmp(path, "."))
        return strcpy(buffer, above);
    if (!strcmp(above, "."))
        return path;
    snprintf(buffer, PATH_MAX, "%s/%s", above, path);
    return buffer;
}

static int opened(int descriptor, const char *place)
{
    if (place && descriptor >= 0 && descriptor < DESCRIPTORS) {
        free(names[descriptor]);
        names[descriptor] = strdup(place);
    }
    return descriptor;
}

static void forget(int descriptor)
{
    if (descriptor >= 0 && descriptor < DESCRIPTORS && names[descriptor]) {
        free(names[descriptor]);
        names[descriptor] = NULL;
    }
}

#define REAL(name) \
    ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

/* The body of a function whose `call` is done, or fails with −1, or ends the process. */
#define AROUND(title, place, takes_space, call)     \
    switch (meet(title, place, takes_space)) {      \
    case FAIL: errno = wanted_error; return -1;     \
    case KILL_BEFORE: die();                        \
    case KILL_AFTER: (void)!(call); die();          \
    default: return call;                           \
    }

#define BUFFER char buffer[PATH_MAX]

/* --- opening and closing ------------------------------------------------------------------------------------------ */

#define OPENING(call)                                                       \
    mode_t mode = 0;                                                        \
    BUFFER;                                                                 \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {                                  \
        va_list rest;                                                       \
        va_start(rest, flags), mode = va_arg(rest, mode_t), va_end(rest);   \
    }                                                                       \
    const char *place = beneath(folder, path, buffer);                      \
    int makes = (flags & (O_CREAT | O_TRUNC)) != 0;                         \
    AROUND(makes ? "create" : "open", place, makes, opened(call, place))

int open(const char *path, int flags, ...) { const int folder = AT_FDCWD; OPENING(REAL(open)(path, flags, mode)) }
int open64(const char *path, int flags, ...) { const int folder = AT_FDCWD; OPENING(REAL(open64)(path, flags, mode)) }
int openat(int folder, const char *path, int flags, ...) { OPENING(REAL(openat)(folder, path, flags, mode)) }
int openat64(int folder, const char *path, int flags, ...) { OPENING(REAL(openat64)(folder, path, flags, mode)) }

int close(int descriptor)
{
    BUFFER;
    const char *known = of_descriptor(descriptor), *place = known ? strcpy(buffer, known) : NULL;
    int met = meet("close", place, TAKES_NONE);
    if (met == KILL_BEFORE)
        die();
    forget(descriptor);
    int found = REAL(close)(descriptor); /* the file is closed, whatever the answer says */
    if (met == KILL_AFTER)
        die();
    if (met != FAIL)
        return found;
    errno = wanted_error;
    return -1;
}

static int copied(int from, int to)
{
    return of_descriptor(from) ? opened(to, names[from]) : to;
}
int dup(int old) { return copied(old, REAL(dup)(old)); }
int fcntl64(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        return copied(descriptor, REAL(fcntl64)(descriptor, command, argument));
    if (command != F_SETLK && command != F_SETLKW && command != F_OFD_SETLK && command != F_OFD_SETLKW)
        return REAL(fcntl64)(descriptor, command, argument);
    AROUND("lock", of_descriptor(descriptor), TAKES_NONE, REAL(fcntl64)(descriptor, command, argument))
}
int flock(int descriptor, int how)
{
    AROUND(how & LOCK_UN ? "unlock" : "lock", of_descriptor(descriptor), TAKES_NONE, REAL(flock)(descriptor, how))
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* AROUND for a call that moves `count` bytes; `half` moves half as many. */
#define MOVING(title, descriptor, takes_space, count, call, half)   \
    const char *place = of_descriptor(descriptor);                  \
    switch (meet(title, place, takes_space)) {                      \
    case FAIL: errno = wanted_error; return -1;                     \
    case SHORT: return count > 1 ? half : call;                     \
    case KILL_MIDDLE: (void)!(half); /* fall through */             \
    case KILL_BEFORE: die();                                        \
    case KILL_AFTER: (void)!(call); die();                          \
    default: return call;                                           \
    }

ssize_t write(int f, const void *data, size_t count)
{
    MOVING("write", f, TAKES_SPACE, count, REAL(write)(f, data, count), REAL(write)(f, data, count / 2))
}
ssize_t pwrite64(int f, const void *data, size_t count, off64_t at)
{
    MOVING("write", f, TAKES_SPACE, count, REAL(pwrite64)(f, data, count, at), REAL(pwrite64)(f, data, count / 2, at))
}
ssize_t writev(int f, const struct iovec *parts, int count)
{
    MOVING("write", f, TAKES_SPACE, count, REAL(writev)(f, parts, count), REAL(writev)(f, parts, count / 2))
}
ssize_t read(int f, void *data, size_t count)
{
    MOVING("read", f, TAKES_NONE, count, REAL(read)(f, data, count), REAL(read)(f, data, count > 64 ? 64 : count / 2))
}
ssize_t pread64(int f, void *data, size_t count, off64_t at)
{
    MOVING("read", f, TAKES_NONE, count, REAL(pread64)(f, data, count, at), REAL(pread64)(f, data, count / 2, at))
}
ssize_t sendfile64(int f, int from, off64_t *at, size_t count)
{
    MOVING("write", f, TAKES_SPACE, count, REAL(sendfile64)(f, from, at, count), REAL(sendfile64)(f, from, at, count / 2))
}
int ftruncate64(int f, off64_t size) { AROUND("truncate", of_descriptor(f), TAKES_NONE, REAL(ftruncate64)(f, size)) }
int ftruncate(int f, off_t size) { AROUND("truncate", of_descriptor(f), TAKES_NONE, REAL(ftruncate)(f, size)) }
int fsync(int f) { AROUND("fsync", of_descriptor(f), TAKES_NONE, REAL(fsync)(f)) }
int fdatasync(int f) { AROUND("fsync", of_descriptor(f), TAKES_NONE, REAL(fdatasync)(f)) }

/* --- names -------------------------------------------------------------------------------------------------------- */

#define NAMED(title, folder, path, takes_space, call) \
    BUFFER;                                           \
    AROUND(title, beneath(folder, path, buffer), takes_space, call)

int rename(const char *old, const char *new) { NAMED("rename", AT_FDCWD, new, TAKES_NONE, REAL(rename)(old, new)) }
int renameat(int a, const char *old, int b, const char *new)
{
    NAMED("rename", b, new, TAKES_NONE, REAL(renameat)(a, old, b, new))
}
int renameat2(int a, const char *old, int b, const char *new, unsigned flags)
{
    NAMED("rename", b, new, TAKES_NONE, REAL(renameat2)(a, old, b, new, flags))
}
int link(const char *old, const char *new) { NAMED("link", AT_FDCWD, new, TAKES_SPACE, REAL(link)(old, new)) }
int linkat(int a, const char *old, int b, const char *new, int flags)
{
    NAMED("link", b, new, TAKES_SPACE, REAL(linkat)(a, old, b, new, flags))
}
int unlink(const char *path) { NAMED("unlink", AT_FDCWD, path, TAKES_NONE, REAL(unlink)(path)) }
int unlinkat(int f, const char *path, int flags) { NAMED("unlink", f, path, TAKES_NONE, REAL(unlinkat)(f, path, flags)) }
int rmdir(const char *path) { NAMED("rmdir", AT_FDCWD, path, TAKES_NONE, REAL(rmdir)(path)) }
int mkdir(const char *path, mode_t mode) { NAMED("mkdir", AT_FDCWD, path, TAKES_SPACE, REAL(mkdir)(path, mode)) }
int mkdirat(int f, const char *path, mode_t mode) { NAMED("mkdir", f, path, TAKES_SPACE, REAL(mkdirat)(f, path, mode)) }
int chmod(const char *path, mode_t mode) { NAMED("chmod", AT_FDCWD, path, TAKES_NONE, REAL(chmod)(path, mode)) }
int fchmod(int f, mode_t mode) { AROUND("chmod", of_descriptor(f), TAKES_NONE, REAL(fchmod)(f, mode)) }
int access(const char *path, int mode) { NAMED("stat", AT_FDCWD, path, TAKES_NONE, REAL(access)(path, mode)) }
int stat64(const char *path, struct stat64 *found)
{
    NAMED("stat", AT_FDCWD, path, TAKES_NONE, REAL(stat64)(path, found))
}
int lstat64(const char *path, struct stat64 *found)
{
    NAMED("stat", AT_FDCWD, path, TAKES_NONE, REAL(lstat64)(path, found))
}
int fstatat64(int f, const char *path, struct stat64 *found, int flags)
{
    NAMED("stat", f, path, TAKES_NONE, REAL(fstatat64)(f, path, found, flags))
}
int fstat64(int f, struct stat64 *found) { AROUND("stat", of_descriptor(f), TAKES_NONE, REAL(fstat64)(f, found)) }

/* --- folders ------------------------------------------------------------------------------------------------------ */

DIR *opendir(const char *path)
{
    BUFFER;
    const char *place = beneath(AT_FDCWD, path, buffer);
    if (meet("list", place, TAKES_NONE) == FAIL) {
        errno = wanted_error;
        return NULL;
    }
    DIR *found = REAL(opendir)(path);
    if (found)
        opened(dirfd(found), place);
    return found;
}
struct dirent64 *readdir64(DIR *folder)
{
    if (meet("list", of_descriptor(dirfd(folder)), TAKES_NONE) == FAIL) {
        errno = wanted_error;
        return NULL;
    }
    return REAL(readdir64)(folder);
}
int closedir(DIR *folder)
{
    forget(dirfd(folder));
    return REAL(closedir)(folder);
}
