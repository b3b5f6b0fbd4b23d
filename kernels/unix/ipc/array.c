/* Rows of small items that may be longer than a record of the heap: values of semaphores, texts of messages. */
#include "ipc/ipc.h"

static uint64_t array_bytes(const struct array *array)
{
	return (uint64_t)array->count * array->bytes;
}

static uint64_t least(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

static int records_make(struct array *array, uint64_t bytes)
{
	void **records = heap_alloc((bytes + ARRAY_RECORD - 1) / ARRAY_RECORD * sizeof(void *));

	array->items = records;
	if (!records)
		return -ENOMEM;
	for (uint64_t at = 0; at < bytes; at += ARRAY_RECORD) {
		records[at / ARRAY_RECORD] = heap_alloc(least(bytes - at, ARRAY_RECORD));
		if (!records[at / ARRAY_RECORD])
			return -ENOMEM;
	}
	return 0;
}

int array_make(struct array *array, uint32_t count, uint32_t bytes)
{
	*array = (struct array){.count = count, .bytes = bytes};
	if (array_bytes(array) > ARRAY_LIMIT)
		return -ENOMEM;
	if (array_bytes(array) > ARRAY_RECORD) {
		if (records_make(array, array_bytes(array)) == 0)
			return 0;
		array_free(array);
		return -ENOMEM;
	}
	array->items = heap_alloc(count ? array_bytes(array) : 1);
	return array->items ? 0 : -ENOMEM;
}

void array_free(struct array *array)
{
	void **records = array->items;

	if (records && array_bytes(array) > ARRAY_RECORD)
		for (uint64_t at = 0; at < array_bytes(array); at += ARRAY_RECORD)
			heap_free(records[at / ARRAY_RECORD]);
	heap_free(records);
	array->items = 0;
}

int array_read(struct array *array, uint64_t from)
{
	uint64_t bytes = array_bytes(array);
	int status = 0;

	for (uint64_t at = 0; at < bytes && status == 0; at += ARRAY_RECORD)
		status = user_read(array_at(array, (uint32_t)(at / array->bytes)), from + at, least(bytes - at, ARRAY_RECORD));
	return status;
}

int array_write(const struct array *array, uint64_t to, uint64_t bytes)
{
	int status = 0;

	for (uint64_t at = 0; at < bytes && status == 0; at += ARRAY_RECORD)
		status = user_write(to + at, array_at(array, (uint32_t)(at / array->bytes)), least(bytes - at, ARRAY_RECORD));
	return status;
}
