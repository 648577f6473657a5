#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const char *what, const char *detail)
{
    fprintf(stderr, "jq: error: %s: %.60s\n", what, detail);
    exit(5);
}

void *make(size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (!memory) fail("out of memory", "");
    return memory;
}

struct value *plain(enum kind kind)
{
    struct value *value = make(sizeof *value);

    value->kind = kind;
    return value;
}

struct value *number(double number)
{
    struct value *value = plain(NUMBER);

    value->number = number;
    return value;
}

struct value *string(const char *text, size_t length)
{
    struct value *value = plain(STRING);

    value->text = make(length + 1);
    memcpy(value->text, text, length);
    return value;
}

static struct value *grown(const struct value *old, enum kind kind, int by)
{
    struct value *value = plain(kind);

    value->count = old ? old->count : 0;
    value->items = make((value->count + by) * sizeof *value->items);
    value->names = make((value->count + by) * sizeof *value->names);
    for (int i = 0; i < value->count; i++) {
        value->items[i] = old->items[i];
        if (kind == OBJECT) value->names[i] = old->names[i];
    }
    return value;
}

struct value *append(const struct value *array, struct value *item)
{
    struct value *value = grown(array, ARRAY, 1);

    value->items[value->count++] = item;
    return value;
}

struct value *with_field(const struct value *object, const char *name, struct value *item)
{
    struct value *value = grown(object, OBJECT, 1);

    for (int i = 0; i < value->count; i++)
        if (!strcmp(value->names[i], name)) {
            value->items[i] = item;
            return value;
        }
    value->names[value->count] = string(name, strlen(name))->text;
    value->items[value->count++] = item;
    return value;
}

struct value *field(const struct value *object, const char *name)
{
    if (object->kind == NIL) return plain(NIL);
    if (object->kind != OBJECT) fail("cannot index a value that is no object with", name);
    for (int i = 0; i < object->count; i++)
        if (!strcmp(object->names[i], name)) return object->items[i];
    return plain(NIL);
}

struct value *add(struct value *left, struct value *right)
{
    struct value *sum;

    if (left->kind == NIL) return right;
    if (right->kind == NIL) return left;
    if (left->kind != right->kind) fail("cannot add values of different kinds", to_text(left));
    switch (left->kind) {
    case NUMBER: return number(left->number + right->number);
    case STRING:
        sum = string(left->text, strlen(left->text) + strlen(right->text));
        strcat(sum->text, right->text);
        return sum;
    case ARRAY:
        sum = grown(left, ARRAY, right->count);
        for (int i = 0; i < right->count; i++) sum->items[sum->count++] = right->items[i];
        return sum;
    case OBJECT:
        sum = left;
        for (int i = 0; i < right->count; i++)
            sum = with_field(sum, right->names[i], right->items[i]);
        return sum;
    default: fail("cannot add booleans", ""); return 0;
    }
}

static void skip_space(const char **cursor)
{
    *cursor += strspn(*cursor, " \t\r\n");
}

static char *put_utf8(char *to, unsigned code)
{
    if (code < 0x80) *to++ = code;
    else if (code < 0x800) {
        *to++ = 0xc0 | code >> 6;
        *to++ = 0x80 | (code & 0x3f);
    } else {
        *to++ = 0xe0 | code >> 12;
        *to++ = 0x80 | (code >> 6 & 0x3f);
        *to++ = 0x80 | (code & 0x3f);
    }
    return to;
}

struct value *read_string(const char **cursor)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    struct value *value = string(*cursor + 1, strlen(*cursor + 1));
    char *to = value->text;
    const char *at = *cursor + 1;

    for (; *at && *at != '"'; at++) {
        const char *escape;
        unsigned code;

        if (*at != '\\') *to++ = *at;
        else if (*++at == 'u' && sscanf(at + 1, "%4x", &code) == 1) {
            to = put_utf8(to, code);
            at += 4;
        } else if (*at && (escape = strchr(escapes, *at))) *to++ = meanings[escape - escapes];
        else fail("bad escape in a string", at);
    }
    if (!*at) fail("a string does not end", *cursor);
    *to = 0;
    *cursor = at + 1;
    return value;
}

static struct value *read_items(const char **cursor, enum kind kind, char end)
{
    struct value *value = plain(kind);

    ++*cursor;
    skip_space(cursor);
    while (**cursor != end) {
        struct value *name = 0, *item;

        if (kind == OBJECT) {
            if (**cursor != '"') fail("expected a name", *cursor);
            name = read_string(cursor);
            skip_space(cursor);
            if (*(*cursor)++ != ':') fail("expected a colon", *cursor - 1);
        }
        item = read_json(cursor);
        value = name ? with_field(value, name->text, item) : append(value, item);
        skip_space(cursor);
        if (**cursor == ',') {
            ++*cursor;
            skip_space(cursor);
            if (**cursor == end) fail("expected another value", *cursor);
        } else if (**cursor != end) fail("expected a comma or the end", *cursor);
    }
    ++*cursor;
    return value;
}

static int take(const char **cursor, const char *word)
{
    if (strncmp(*cursor, word, strlen(word))) return 0;
    *cursor += strlen(word);
    return 1;
}

struct value *read_json(const char **cursor)
{
    char *end;
    double found;

    skip_space(cursor);
    switch (**cursor) {
    case '"': return read_string(cursor);
    case '[': return read_items(cursor, ARRAY, ']');
    case '{': return read_items(cursor, OBJECT, '}');
    }
    if (take(cursor, "null")) return plain(NIL);
    if (take(cursor, "true")) return plain(TRUE);
    if (take(cursor, "false")) return plain(FALSE);
    found = strtod(*cursor, &end);
    if (end == *cursor) fail("not JSON", *cursor);
    *cursor = end;
    return number(found);
}

static void write_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') printf("\\%c", *text);
        else if (*text == '\n') printf("\\n");
        else if (*text == '\t') printf("\\t");
        else if ((unsigned char)*text < 0x20) printf("\\u%04x", *text);
        else putchar(*text);
    }
    putchar('"');
}

static void new_line(int indent)
{
    if (indent >= 0) printf("\n%*s", indent, "");
}

int next_by_name(const struct value *object, const char *last)
{
    int best = -1;

    for (int i = 0; i < object->count; i++)
        if ((!last || strcmp(object->names[i], last) > 0)
            && (best < 0 || strcmp(object->names[i], object->names[best]) < 0))
            best = i;
    return best;
}

static void write_items(const struct value *value, int indent, int sorted)
{
    int inner = indent < 0 ? -1 : indent + 2;
    const char *last = 0;

    for (int i = 0; i < value->count; i++) {
        int place = value->kind == OBJECT && sorted ? next_by_name(value, last) : i;

        if (i) putchar(',');
        new_line(inner);
        if (value->kind == OBJECT) {
            last = value->names[place];
            write_string(last);
            printf(indent < 0 ? ":" : ": ");
        }
        write_json(value->items[place], inner, sorted);
    }
    if (value->count) new_line(indent);
}

char *to_text(const struct value *value)
{
    static const char *const words[] = {"null", "false", "true"};
    char *text;

    switch (value->kind) {
    case STRING: return value->text;
    case NUMBER:
        text = make(32);
        snprintf(text, 32, "%.17g", value->number);
        return text;
    case ARRAY: return "(array)";
    case OBJECT: return "(object)";
    default: return (char *)words[value->kind];
    }
}

void write_json(const struct value *value, int indent, int sorted)
{
    if (value->kind == STRING) write_string(value->text);
    else if (value->kind == ARRAY || value->kind == OBJECT) {
        putchar(value->kind == ARRAY ? '[' : '{');
        write_items(value, indent, sorted);
        putchar(value->kind == ARRAY ? ']' : '}');
    } else fputs(to_text(value), stdout);
}
