/* jq [-n] [-r] [-c] [-S] [--arg NAME VALUE]... FILTER [FILE]
 *
 * A part of jq's language: . .a .["a"] .[] $name | , + == ( ) [ ] { } literals, length, keys, add,
 * map(f), select(f), empty. */
#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum verb {
    IDENTITY, FIELD, EACH, LITERAL, VARIABLE, PIPE, COMMA, PLUS, EQUAL, COLLECT, BUILD, LENGTH,
    KEYS, ADD, SELECT, EMPTY,
};

struct filter {
    enum verb verb;
    struct filter *left, *right;
    struct value *value; /* a literal or a name */
};

static struct value *arguments;
static const char *at;

static struct filter *read_pipe(void);
static struct filter *read_sum(void);

static struct filter *node(enum verb verb, struct filter *left, struct filter *right)
{
    struct filter *filter = make(sizeof *filter);

    filter->verb = verb;
    filter->left = left;
    filter->right = right;
    return filter;
}

static struct filter *with_value(enum verb verb, struct filter *left, struct value *value)
{
    struct filter *filter = node(verb, left, 0);

    filter->value = value;
    return filter;
}

static char next(void)
{
    at += strspn(at, " \t\n");
    return *at;
}

static int accept(const char *token)
{
    next();
    if (strncmp(at, token, strlen(token))) return 0;
    at += strlen(token);
    return 1;
}

static void expect(const char *token)
{
    char wanted[32];

    if (accept(token)) return;
    snprintf(wanted, sizeof wanted, "the filter lacks %s before", token);
    fail(wanted, *at ? at : "its end");
}

static struct value *read_name(void)
{
    const char *start = at;

    if (*at == '"') return read_string(&at);
    while (isalnum((unsigned char)*at) || *at == '_') at++;
    if (at == start) fail("expected a name in the filter", at);
    return string(start, at - start);
}

/* { a: f, "b": g } → each field adds to what the filter before it built. */
static struct filter *read_object(void)
{
    struct filter *object = with_value(LITERAL, 0, plain(OBJECT));

    while (next() != '}') {
        struct value *name = read_name();

        expect(":");
        object = with_value(BUILD, object, name);
        object->right = read_sum();
        if (!accept(",") && next() != '}') fail("expected a comma or the end of an object", at);
    }
    expect("}");
    return object;
}

static struct filter *read_call(void)
{
    const char *name = read_name()->text;
    struct filter *inner = 0;

    if (accept("(")) {
        inner = read_pipe();
        expect(")");
    }
    if (!strcmp(name, "length") && !inner) return node(LENGTH, 0, 0);
    if (!strcmp(name, "keys") && !inner) return node(KEYS, 0, 0);
    if (!strcmp(name, "add") && !inner) return node(ADD, 0, 0);
    if (!strcmp(name, "empty") && !inner) return node(EMPTY, 0, 0);
    if (!strcmp(name, "select") && inner) return node(SELECT, inner, 0);
    if (!strcmp(name, "map") && inner) return node(COLLECT, node(PIPE, node(EACH, 0, 0), inner), 0);
    if (!strcmp(name, "null") && !inner) return with_value(LITERAL, 0, plain(NIL));
    if (!strcmp(name, "true") && !inner) return with_value(LITERAL, 0, plain(TRUE));
    if (!strcmp(name, "false") && !inner) return with_value(LITERAL, 0, plain(FALSE));
    fail("this function is not known", name);
    return 0;
}

static struct filter *read_head(void)
{
    struct filter *inner;

    if (accept("(")) {
        inner = read_pipe();
        expect(")");
        return inner;
    }
    if (accept("[")) {
        inner = next() == ']' ? node(EMPTY, 0, 0) : read_pipe();
        expect("]");
        return node(COLLECT, inner, 0);
    }
    if (accept("{")) return read_object();
    if (accept("$")) return with_value(VARIABLE, 0, read_name());
    if (next() == '"' || isdigit((unsigned char)*at)) return with_value(LITERAL, 0, read_json(&at));
    if (*at == '.') {
        if (isalpha((unsigned char)at[1]) || at[1] == '_' || at[1] == '"') return node(IDENTITY, 0, 0);
        at++;
        return node(IDENTITY, 0, 0);
    }
    return read_call();
}

/* A head and what follows it without a space: .a, ["a"], [] */
static struct filter *read_path(void)
{
    struct filter *path = read_head();

    for (;;) {
        if (*at == '.' && at[1] != '[') {
            at++;
            path = node(PIPE, path, with_value(FIELD, 0, read_name()));
        } else if (*at == '[' || (*at == '.' && at[1] == '[')) {
            at += *at == '.' ? 2 : 1;
            if (next() == '"') path = node(PIPE, path, with_value(FIELD, 0, read_name()));
            else path = node(PIPE, path, node(EACH, 0, 0));
            expect("]");
        } else return path;
    }
}

static struct filter *read_sum(void)
{
    struct filter *sum = read_path();

    while (accept("+")) sum = node(PLUS, sum, read_path());
    return accept("==") ? node(EQUAL, sum, read_sum()) : sum;
}

static struct filter *read_comma(void)
{
    struct filter *left = read_sum();

    return accept(",") ? node(COMMA, left, read_comma()) : left;
}

static struct filter *read_pipe(void)
{
    struct filter *left = read_comma();

    return accept("|") ? node(PIPE, left, read_pipe()) : left;
}

static struct value *one(struct value *value)
{
    return append(0, value);
}

static int equal(const struct value *left, const struct value *right)
{
    if (left->kind != right->kind) return 0;
    if (left->kind == NUMBER) return left->number == right->number;
    if (left->kind == STRING) return !strcmp(left->text, right->text);
    if (left->kind == ARRAY || left->kind == OBJECT) fail("only plain values can be compared", "");
    return 1;
}

static struct value *run(const struct filter *filter, struct value *input);

/* The results of every pair of the operands' results. */
static struct value *combine(const struct filter *filter, struct value *input)
{
    struct value *left = run(filter->left, input), *right = run(filter->right, input);
    struct value *results = plain(ARRAY);

    for (int r = 0; r < right->count; r++)
        for (int l = 0; l < left->count; l++) {
            struct value *a = left->items[l], *b = right->items[r];

            if (filter->verb == PLUS) a = add(a, b);
            else if (filter->verb == BUILD) a = with_field(a, filter->value->text, b);
            else a = plain(equal(a, b) ? TRUE : FALSE);
            results = append(results, a);
        }
    return results;
}

static struct value *pipe_through(const struct filter *filter, struct value *inputs)
{
    struct value *results = plain(ARRAY);

    for (int i = 0; i < inputs->count; i++) results = add(results, run(filter, inputs->items[i]));
    return results;
}

static struct value *elements(const struct value *value)
{
    struct value *found = plain(ARRAY);

    if (value->kind != ARRAY && value->kind != OBJECT) fail("this has no elements", to_text(value));
    for (int i = 0; i < value->count; i++) found = append(found, value->items[i]);
    return found;
}

static struct value *names(const struct value *value)
{
    struct value *found = plain(ARRAY);

    if (value->kind != OBJECT) fail("this has no keys", to_text(value));
    for (int place = next_by_name(value, 0); place >= 0;
         place = next_by_name(value, value->names[place]))
        found = append(found, string(value->names[place], strlen(value->names[place])));
    return found;
}

static struct value *total(const struct value *value)
{
    struct value *items = elements(value), *sum = plain(NIL);

    for (int i = 0; i < items->count; i++) sum = add(sum, items->items[i]);
    return sum;
}

static struct value *run(const struct filter *filter, struct value *input)
{
    struct value *found;

    switch (filter->verb) {
    case IDENTITY: return one(input);
    case FIELD: return one(field(input, filter->value->text));
    case EACH: return elements(input);
    case LITERAL: return one(filter->value);
    case VARIABLE:
        found = field(arguments, filter->value->text);
        if (found->kind == NIL) fail("no such variable", filter->value->text);
        return one(found);
    case PIPE: return pipe_through(filter->right, run(filter->left, input));
    case COMMA: return add(run(filter->left, input), run(filter->right, input));
    case COLLECT: return one(run(filter->left, input));
    case LENGTH:
        if (input->kind == STRING) return one(number(strlen(input->text)));
        return one(number(input->count));
    case KEYS: return one(names(input));
    case ADD: return one(total(input));
    case SELECT:
        found = run(filter->left, input);
        for (int i = 0; i < found->count; i++)
            if (found->items[i]->kind != FALSE && found->items[i]->kind != NIL) return one(input);
        return plain(ARRAY);
    case EMPTY: return plain(ARRAY);
    default: return combine(filter, input);
    }
}

static char *read_all(const char *path)
{
    FILE *file = path ? fopen(path, "r") : stdin;
    size_t used = 0, size = 65536;
    char *text = make(size + 1);

    if (!file) fail("cannot open", path);
    while ((used += fread(text + used, 1, size - used, file)) == size) {
        if (!(text = realloc(text, (size *= 2) + 1))) fail("out of memory", "");
    }
    text[used] = 0;
    return text;
}

static void print(struct value *results, int raw, int compact, int sorted)
{
    for (int i = 0; i < results->count; i++) {
        if (raw && results->items[i]->kind == STRING) fputs(results->items[i]->text, stdout);
        else write_json(results->items[i], compact ? -1 : 0, sorted);
        putchar('\n');
    }
}

int main(int count, char **words)
{
    int word = 1, null_input = 0, raw = 0, compact = 0, sorted = 0;
    struct filter *filter;
    const char *document;

    arguments = plain(OBJECT);
    for (; word < count && words[word][0] == '-'; word++) {
        if (!strcmp(words[word], "--arg") && word + 2 < count) {
            struct value *text = string(words[word + 2], strlen(words[word + 2]));

            arguments = with_field(arguments, words[word + 1], text);
            word += 2;
        } else if (!strcmp(words[word], "--version")) return printf("jq-%s\n", VERSION) < 0;
        else
            for (const char *flag = words[word] + 1; *flag; flag++) {
                if (*flag == 'n') null_input = 1;
                else if (*flag == 'r') raw = 1;
                else if (*flag == 'c') compact = 1;
                else if (*flag == 'S') sorted = 1;
                else fail("unknown option", words[word]);
            }
    }
    if (word >= count) fail("usage", "jq [OPTIONS] FILTER [FILE]");
    at = words[word];
    filter = read_pipe();
    if (next()) fail("the filter goes on after its end", at);
    document = null_input ? "null" : read_all(words[word + 1]);
    do {
        print(run(filter, read_json(&document)), raw, compact, sorted);
        document += strspn(document, " \t\r\n");
    } while (*document);
    return 0;
}
