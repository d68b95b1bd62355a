#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEVEL "TF_CPP_MIN_LOG_LEVEL="
#define ONEDNN "TF_ENABLE_ONEDNN_OPTS="

static int talk = -1;    // takes what is written to stderr meanwhile
static int speaker = -1; // the real stderr

static void say_it(int sig) {
	char text[8192];
	ssize_t n = pread(talk, text, sizeof text, 0);
	if (n > 0 && write(speaker, text, (size_t)n) < 0) _exit(127);
	signal(sig, SIG_DFL);
	raise(sig);
}

// again starts the program anew with what is missing in its environment. The library reads it when it is loaded, and at this
// time nothing can be added to the environment of a running program. It returns only where that is not possible.
static void again(char **argv, char **environment, size_t n, int level, int onednn) {
	char *more[n + 3];
	memcpy(more, environment, n * sizeof *more);
	if (level) more[n++] = LEVEL "2"; // errors: it warns of what nobody here can change
	if (onednn) more[n++] = ONEDNN "0"; // as fast for our programs, and it would round as it likes
	more[n] = NULL;
	execve("/proc/self/exe", argv, more);
}

// value returns what follows name in a setting, or NULL where that is of something else.
static char *value(char *setting, const char *name) {
	size_t n = strlen(name);
	return strncmp(setting, name, n) == 0 ? setting + n : NULL;
}

// Runs before the constructors of all libraries. Only plain system calls are safe here.
static void hush(int argc, char **argv, char **environment) {
	(void)argc;
	char *level = NULL, *onednn = NULL, *found;
	size_t n = 0;
	for (; environment[n] != NULL; n++) {
		if ((found = value(environment[n], LEVEL)) != NULL) level = found;
		if ((found = value(environment[n], ONEDNN)) != NULL) onednn = found;
	}
	if (level == NULL || onednn == NULL) again(argv, environment, n, level == NULL, onednn == NULL);
	if (level == NULL || *level == '0') return;
	talk = memfd_create("tensorflow-log", MFD_CLOEXEC); // the first words come whatever the level
	if (talk < 0) return;
	speaker = dup(STDERR_FILENO);
	dup2(talk, STDERR_FILENO);
	signal(SIGABRT, say_it); // a library that refuses this processor says why, and aborts
}

__attribute__((section(".preinit_array"), used)) static void (*const before)(int, char **, char **) = hush;

// Runs after the constructors of all libraries, before main.
__attribute__((constructor)) static void speak(void) {
	if (talk < 0) return;
	signal(SIGABRT, SIG_DFL);
	dup2(speaker, STDERR_FILENO);
	close(speaker);
	close(talk);
}
