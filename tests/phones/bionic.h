/* Where glibc's headers name a symbol that Android's C library has under another name. */
#ifndef __ASSEMBLER__
#include <errno.h>
#undef errno
int *__errno(void);
#define errno (*__errno())
#endif
