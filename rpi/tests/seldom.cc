// What a measurement costs is what it computes, not how long it had to wait for a core.
#include "measure/seldom.h"

#include <unistd.h>

#include "check.h"

using namespace edgebnn::measure;

TEST("seldom: what waited is asked again at once, what computed is not") {
  Seldom waits, computes;
  EQUAL(waits.begins(1e-3), true);  // the first time, always
  usleep(50000);
  waits.ends();
  EQUAL(computes.begins(1e-5), true);
  const double began = processor_time();
  while (processor_time() < began + 0.02) continue;
  computes.ends();
  EQUAL(computes.begins(1e-5), false);  // 2000 seconds from now
  usleep(50000);
  EQUAL(waits.begins(1e-2), true);  // by the clock on the wall not before five seconds
}
