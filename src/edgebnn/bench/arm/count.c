/* Counts the instructions of a program that runs under qemu-user, for one thread; qemu's plugin
 * interface, version 1 (qemu 4.2 to 8.x), of which these few lines stand in for its header.
 *
 * Every block of code, once translated, adds its number of instructions whenever it runs. At the
 * end one line goes to standard error: `instructions N`. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

typedef uint64_t Id;
typedef struct qemu_plugin_tb Block;
enum { ADD_TO_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(Id id, void (*translated)(Id, Block *));
size_t qemu_plugin_tb_n_insns(const Block *block);
void qemu_plugin_register_vcpu_tb_exec_inline(Block *block, int operation, void *to, uint64_t by);
void qemu_plugin_register_atexit_cb(Id id, void (*ended)(Id, void *), void *argument);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t instructions;

static void translated(Id id, Block *block) {
  (void)id;
  size_t count = qemu_plugin_tb_n_insns(block);
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_TO_U64, &instructions, count);
}

static void ended(Id id, void *argument) {
  (void)id, (void)argument;
  fprintf(stderr, "instructions %" PRIu64 "\n", instructions);
}

__attribute__((visibility("default"))) int qemu_plugin_install(Id id, const void *about, int count,
                                                               char **arguments) {
  (void)about, (void)count, (void)arguments;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
