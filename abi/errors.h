/* Error numbers of Strange's calls, from errors.def. */
#ifndef ABI_ERRORS_H
#define ABI_ERRORS_H

#define ERROR(name, number, text) BARYON_##name = (number),
enum baryon_error {
	BARYON_OK = 0,
#include "abi/errors.def"
};
#undef ERROR

#endif
