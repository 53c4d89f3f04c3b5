/* Processes that a test in C forks, and the descriptors that they have. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

/* The sanitizer ends a child that starts threads, if its parent had some when it forked. */
#if defined(__SANITIZE_THREAD__)
enum { kChildrenMayStartThreads = 0 };
#else
enum { kChildrenMayStartThreads = 1 };
#endif

enum { kDescriptorsMax = 1024, kHangSeconds = 60 };

typedef struct {
  char open[kDescriptorsMax];
} Descriptors;

static inline Descriptors descriptors_now(void) {
  Descriptors found;
  int file;
  memset(&found, 0, sizeof(found));
  for (file = 0; file < kDescriptorsMax; ++file) found.open[file] = fcntl(file, F_GETFD) >= 0;
  return found;
}

/* What the number stands for: "socket:[123]", "anon_inode:[eventpoll]", "/tmp/x/lock". */
static inline void name_of(int file, char* text, size_t size) {
  char path[64];
  ssize_t length;
  snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  length = readlink(path, text, size - 1);
  text[length < 0 ? 0 : length] = '\0';
}

/* Those opened since `before`, whose names begin with `kind`. */
static inline int count_since(const Descriptors* before, const char* kind,
                              int only_without_cloexec) {
  int file, count = 0;
  char name[256];
  for (file = 0; file < kDescriptorsMax; ++file) {
    const int flags = fcntl(file, F_GETFD);
    if (before->open[file] || flags < 0) continue;
    if (only_without_cloexec && (flags & FD_CLOEXEC) != 0) continue;
    name_of(file, name, sizeof(name));
    if (strncmp(name, kind, strlen(kind)) != 0) continue;
    if (only_without_cloexec) fprintf(stderr, "%d is %s, without FD_CLOEXEC\n", file, name);
    ++count;
  }
  return count;
}

/* A child that hangs is a failure, and must not make the test one. */
static inline pid_t fork_child(void) {
  const pid_t child = fork();
  if (child == 0) {
    check_failures = 0;
    alarm(kHangSeconds);
  }
  return child;
}

static inline void expect_good_end(pid_t child, const char* what) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  fprintf(stderr, "%s: the child ended with %s %d\n", what,
          WIFEXITED(status) ? "exit code" : "signal",
          WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  ++check_failures;
}

static inline void remove_folder(const char* folder) {
  DIR* list = opendir(folder);
  const struct dirent* entry;
  char path[512];
  while (list != NULL && (entry = readdir(list)) != NULL) {
    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
    unlink(path);
  }
  if (list != NULL) closedir(list);
  rmdir(folder);
}

/* One of the cases of a test program, by its name; all of them without one. */
typedef struct {
  const char* name;
  void (*run)(void);
} ForkCase;

#define FORK_CASE(function) { #function, function }

static inline int run_fork_cases(const ForkCase* cases, size_t count, int argc, char** argv) {
  size_t i, ran = 0;
  for (i = 0; i < count; ++i) {
    const int before = check_failures;
    if (argc > 1 && strcmp(argv[1], cases[i].name) != 0) continue;
    ++ran;
    cases[i].run();
    if (check_failures != before) fprintf(stderr, "failed: %s\n", cases[i].name);
  }
  CHECK(ran > 0);
  return check_status();
}
