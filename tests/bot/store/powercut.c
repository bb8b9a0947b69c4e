/* What a process writes to the files of one folder, in order, as a log: LD_PRELOAD this.
 *
 * POWERCUT_DIR is the folder, POWERCUT_LOG the log. What is written to standard output goes into
 * the log too: there the process says what it has been promised. Each record is a line
 * "OP LENGTH OFFSET NAME\n" and LENGTH bytes; OP is W(rite), T(runcate), S(ync), U(nlinked: SQLite
 * syncs the folder then) or A(cknowledged).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { MOST = 1024 };
static char names[MOST][64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_open)(const char *, int, ...);

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_open = dlsym(RTLD_NEXT, "open64");
  if (getenv("POWERCUT_LOG"))
    out = real_open(getenv("POWERCUT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const char *data, size_t size) {
  while (size) {
    ssize_t done = real_write(out, data, size);
    if (done <= 0) abort();
    data += done, size -= (size_t)done;
  }
}

static void record(char op, const char *name, long long offset, const void *data, size_t size) {
  char head[160];
  int length = snprintf(head, sizeof head, "%c %zu %lld %s\n", op, size, offset, name);
  put(head, (size_t)length);
  put(data, size);
}

static const char *below(const char *path) {
  const char *folder = getenv("POWERCUT_DIR");
  return folder && !strncmp(path, folder, strlen(folder)) ? strrchr(path, '/') + 1 : NULL;
}

static const char *known(int fd) {
  return out >= 0 && fd >= 0 && fd < MOST && names[fd][0] ? names[fd] : NULL;
}

static int opened(const char *path, int flags, int mode) {
  int fd = real_open(path, flags, mode);
  if (fd >= 0 && fd < MOST) snprintf(names[fd], sizeof names[fd], "%s", below(path) ? below(path) : "");
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = va_arg(more, int);
  va_end(more);
  return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = va_arg(more, int);
  va_end(more);
  return opened(path, flags, mode);
}

int close(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "close");
  if (fd >= 0 && fd < MOST) names[fd][0] = 0;
  return real(fd);
}

ssize_t write(int fd, const void *data, size_t size) {
  if (out < 0 || (fd != 1 && !known(fd))) return real_write(fd, data, size);
  pthread_mutex_lock(&lock);
  off_t at = fd == 1 ? 0 : lseek(fd, 0, SEEK_CUR);
  ssize_t done = real_write(fd, data, size);
  if (done > 0) record(fd == 1 ? 'A' : 'W', fd == 1 ? "-" : known(fd), at, data, (size_t)done);
  pthread_mutex_unlock(&lock);
  return done;
}

static ssize_t written(int fd, const void *data, size_t size, off_t at) {
  if (!known(fd)) return real_pwrite(fd, data, size, at);
  pthread_mutex_lock(&lock);
  ssize_t done = real_pwrite(fd, data, size, at);
  if (done > 0) record('W', known(fd), at, data, (size_t)done);
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t pwrite(int fd, const void *d, size_t n, off_t at) { return written(fd, d, n, at); }
ssize_t pwrite64(int fd, const void *d, size_t n, off64_t at) { return written(fd, d, n, at); }

static int cut(int fd, off_t size, const char *name) {
  int (*real)(int, off_t) = dlsym(RTLD_NEXT, name);
  if (!known(fd)) return real(fd, size);
  pthread_mutex_lock(&lock);
  int done = real(fd, size);
  if (!done) record('T', known(fd), size, "", 0);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate(int fd, off_t size) { return cut(fd, size, "ftruncate"); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size, "ftruncate64"); }

int unlink(const char *path) {
  int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
  int done = real(path);
  if (!done && out >= 0 && below(path)) {
    pthread_mutex_lock(&lock);
    record('U', below(path), 0, "", 0);
    pthread_mutex_unlock(&lock);
  }
  return done;
}

static int synced(int fd, const char *name) {
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  if (!known(fd)) return real(fd);
  pthread_mutex_lock(&lock);
  record('S', known(fd), 0, "", 0);
  pthread_mutex_unlock(&lock);
  return 0; /* the log says what a disk would hold: waiting for a real one shows nothing */
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }
