/* JSON values, immutable once made. Nothing is freed: jq runs once over one document. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

enum kind { NIL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT };

struct value {
    enum kind kind;
    double number;
    char *text;            /* of a string */
    struct value **items;  /* of an array or an object */
    char **names;          /* of an object */
    int count;
};

void fail(const char *what, const char *detail);
void *make(size_t size);

struct value *plain(enum kind kind);
struct value *number(double number);
struct value *string(const char *text, size_t length);
struct value *append(const struct value *array, struct value *item);
struct value *with_field(const struct value *object, const char *name, struct value *item);
struct value *field(const struct value *object, const char *name);
/* The place of the field that comes after *last* by name (0: of the first), or -1. */
int next_by_name(const struct value *object, const char *last);
struct value *add(struct value *left, struct value *right);

/* Reads one value and moves the cursor behind it. */
struct value *read_json(const char **cursor);
/* A string literal, the cursor on its opening quote; used by the filter's reader, too. */
struct value *read_string(const char **cursor);

/* indent -1: one line. */
void write_json(const struct value *value, int indent, int sorted);
char *to_text(const struct value *value);

#endif
