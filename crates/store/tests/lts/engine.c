/* ClickHouse 25.8 LTS behind the functions of today's libchdb.so, so that the tests of the store run on the oldest version that is promised:
 * `make lts`. That version's library is the Python package chdb's, 3.7.2, which has fewer functions: one connection a process, no
 * parameters, no data piece by piece. What is missing is done here with statements. Not for anything but tests: answers are held
 * whole, statements run one at a time, and what was written is told as nothing. PACKAGES is where that package was unpacked, PYTHON
 * is the library of the Python it belongs to. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void *connection;
typedef void *result;

static void *engine;

#define OLD(name) old_##name
static connection *(*OLD(connect))(int, char **);
static result (*OLD(query))(connection, const char *, size_t, const char *, size_t);
static void (*OLD(destroy))(result);
static char *(*OLD(buffer))(result);
static size_t (*OLD(length))(result);
static const char *(*OLD(error))(result);
static unsigned long long (*OLD(rows))(result), (*OLD(storage_rows))(result), (*OLD(storage_bytes))(result);
static double (*OLD(elapsed))(result);

// By write(2), which every engine's library has to import: who loads it watches those calls. The old library's own are not watched.
static void give_up(const char *name) {
    char text[1024];
    int length = snprintf(text, sizeof text, "25.8: %s: %s\n", name, dlerror());
    if (write(2, text, (size_t)length < sizeof text ? (size_t)length : sizeof text) < 0) abort();
    abort();
}

static void *need(void *in, const char *name) {
    void *found = dlsym(in, name);
    if (!found) give_up(name);
    return found;
}

// It forgets Python's tables after every statement, and there is no Python here.
void _ZN4CHDB16PythonTableCache5clearEv(void) {}

static void open_it(void) {
    void *python = dlopen(PYTHON, RTLD_NOW | RTLD_GLOBAL);
    if (!python) give_up(PYTHON);
    Dl_info self;
    dladdr((void *)open_it, &self);
    dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
    engine = dlopen(PACKAGES "/chdb/_chdb.abi3.so", RTLD_LAZY | RTLD_LOCAL);
    if (!engine) give_up("the package");
    OLD(connect) = need(engine, "chdb_connect");
    OLD(query) = need(engine, "chdb_query_n");
    OLD(destroy) = need(engine, "chdb_destroy_query_result");
    OLD(buffer) = need(engine, "chdb_result_buffer");
    OLD(length) = need(engine, "chdb_result_length");
    OLD(error) = need(engine, "chdb_result_error");
    OLD(rows) = need(engine, "chdb_result_rows_read");
    OLD(storage_rows) = need(engine, "chdb_result_storage_rows_read");
    OLD(storage_bytes) = need(engine, "chdb_result_storage_bytes_read");
    OLD(elapsed) = need(engine, "chdb_result_elapsed");
}

// 25.8 has one connection a process. Each of ours is what was set on it, set again when another one had its turn; a statement at a time.
typedef struct { char *set; size_t set_length; char *names; } session;
static connection *only;
static session *turn;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void append(char **to, const char *text, size_t length) {
    size_t had = *to ? strlen(*to) : 0;
    *to = realloc(*to, had + length + 1);
    if (!*to) abort();
    memcpy(*to + had, text, length);
    (*to)[had + length] = 0;
}

static result run(const char *sql, size_t length, const char *format, size_t format_length) {
    return OLD(query)(*only, sql, length, format, format_length);
}

static void quietly(const char *sql) { OLD(destroy)(run(sql, strlen(sql), "Null", 4)); }

static void forget(session *of) {
    if (!of || !of->names) return;
    quietly("USE default");
    if (!*of->names) return;
    char *sql = NULL;
    append(&sql, "SET ", 4);
    append(&sql, of->names, strlen(of->names) - 2);
    quietly(sql);
    free(sql);
}

static void take_turn(session *of) {
    if (turn == of) return;
    forget(turn);
    turn = of;
    for (size_t i = 0; i < of->set_length; i += strlen(of->set + i) + 1) quietly(of->set + i);
}

// Remembers SET and USE, and of SET the names: a word before " = '" outside of quotes.
static void remember(session *of, const char *sql, size_t length) {
    int sets = length > 4 && !strncmp(sql, "SET ", 4);
    if (!sets && !(length > 4 && !strncmp(sql, "USE ", 4))) return;
    of->set = realloc(of->set, of->set_length + length + 1);
    if (!of->set) abort();
    memcpy(of->set + of->set_length, sql, length);
    of->set[of->set_length + length] = 0;
    of->set_length += length + 1;
    if (!of->names) append(&of->names, "", 0);
    for (size_t i = 4, word = 4, quoted = 0; sets && i < length; i++) {
        if (sql[i] == '\\') i++;
        else if (sql[i] == '\'') quoted = !quoted;
        else if (!quoted && sql[i] == ',') word = i + 2;
        else if (!quoted && sql[i] == '=') {
            append(&of->names, sql + word, i - 1 - word);
            append(&of->names, " = DEFAULT, ", 12);
        }
    }
}

// 25.8 takes a server's settings from a file alone; without them the engine's defaults hold.
session **chdb_connect(int count, char **words) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_it);
    pthread_mutex_lock(&one);
    if (!only) {
        static const char *const unknown[] = {"--max_server_memory_usage=", "--mark_cache_size=", "--index_mark_cache_size=", "--query_condition_cache_size=",
            "--compiled_expression_cache_size=", "--max_thread_pool_size=", "--background_pool_size=", "--background_schedule_pool_size="};
        char **kept = calloc((size_t)count + 1, sizeof *kept);
        int left = 0;
        for (int i = 0; i < count; i++) {
            int known = 1;
            for (size_t j = 0; j < sizeof unknown / sizeof *unknown; j++)
                if (!strncmp(words[i], unknown[j], strlen(unknown[j]))) known = 0;
            if (known) kept[left++] = words[i];
        }
        only = OLD(connect)(left, kept);
        free(kept);
    }
    pthread_mutex_unlock(&one);
    if (!only) return NULL;
    session **held = malloc(sizeof *held);
    *held = calloc(1, sizeof **held);
    if (!*held) abort();
    return held;
}

void chdb_close_conn(session **held) {
    pthread_mutex_lock(&one);
    if (turn == *held) { forget(turn); turn = NULL; }
    pthread_mutex_unlock(&one);
    free((*held)->set);
    free((*held)->names);
    free(*held);
    free(held);
}

// 25.8 streams nothing of an answer without rows, not even its columns: a streamed answer is a whole one here, given once.
typedef struct { result whole, later; } answer;
static answer *wrap(result whole, result later) {
    answer *new = malloc(sizeof *new);
    if (!new) abort();
    *new = (answer){whole, later};
    return new;
}
answer *chdb_stream_fetch_result(session *open, answer *of) {
    (void)open;
    answer *block = wrap(of->later, NULL);
    of->later = NULL;
    return block;
}
void chdb_stream_cancel_query(session *open, answer *of) { (void)open; (void)of; }
void chdb_destroy_query_result(answer *of) {
    if (of->whole) OLD(destroy)(of->whole);
    if (of->later) OLD(destroy)(of->later);
    free(of);
}
char *chdb_result_buffer(answer *of) { return of->whole ? OLD(buffer)(of->whole) : NULL; }
size_t chdb_result_length(answer *of) { return of->whole ? OLD(length)(of->whole) : 0; }
const char *chdb_result_error(answer *of) { return of->whole ? OLD(error)(of->whole) : of->later ? OLD(error)(of->later) : NULL; }
unsigned long long chdb_result_rows_read(answer *of) { return of->whole ? OLD(rows)(of->whole) : 0; }
unsigned long long chdb_result_storage_rows_read(answer *of) { return of->whole ? OLD(storage_rows)(of->whole) : 0; }
unsigned long long chdb_result_storage_bytes_read(answer *of) { return of->whole ? OLD(storage_bytes)(of->whole) : 0; }
unsigned long long chdb_result_rows_written(answer *of) { (void)of; return 0; }
unsigned long long chdb_result_bytes_written(answer *of) { (void)of; return 0; }
double chdb_result_elapsed(answer *of) { return of->whole ? OLD(elapsed)(of->whole) : 0; }
void chdb_set_signal_handlers_enabled(int on) { (void)on; }
int chdb_shutdown(void) { return 0; }

#define PARAMETERS const char *const *names, const size_t *name_lengths, const char *const *values, const size_t *value_lengths, size_t count

// 25.8 has no call with parameters: SET does the same.
static result parameters(PARAMETERS) {
    for (size_t i = 0; i < count; i++) {
        char *text = malloc(name_lengths[i] + 2 * value_lengths[i] + 32), *end = text;
        if (!text) abort();
        end += sprintf(end, "SET param_%.*s = '", (int)name_lengths[i], names[i]);
        for (size_t j = 0; j < value_lengths[i]; j++) {
            char c = values[i][j];
            if (c == '\'' || c == '\\') *end++ = '\\';
            *end++ = c;
        }
        *end++ = '\'';
        result done = run(text, (size_t)(end - text), "Null", 4);
        free(text);
        if (OLD(error)(done)) return done;
        OLD(destroy)(done);
    }
    return NULL;
}

static result execute(session *of, const char *sql, size_t length, const char *format, size_t format_length, PARAMETERS) {
    // What may only read could not be set back.
    if (length > 12 && !strncmp(sql, "SET readonly", 12)) sql = "SELECT 1", length = 8;
    pthread_mutex_lock(&one);
    take_turn(of);
    result done = parameters(names, name_lengths, values, value_lengths, count);
    if (!done) done = run(sql, length, format, format_length);
    if (!OLD(error)(done)) remember(of, sql, length);
    pthread_mutex_unlock(&one);
    return done;
}

answer *chdb_query_with_params_n(session *of, const char *sql, size_t length, const char *format, size_t format_length, PARAMETERS) {
    return wrap(execute(of, sql, length, format, format_length, names, name_lengths, values, value_lengths, count), NULL);
}

answer *chdb_stream_query_with_params_n(session *of, const char *sql, size_t length, const char *format, size_t format_length, PARAMETERS) {
    return wrap(NULL, execute(of, sql, length, format, format_length, names, name_lengths, values, value_lengths, count));
}

// 25.8 takes no data piece by piece, and data within a statement ends at its first line end: they go by a file.
typedef struct { session *of; char *sql; FILE *file; char path[64]; } insert;

void *chdb_stream_insert_with_params_n(session *of, const char *sql, size_t length, const char *format, size_t format_length, PARAMETERS) {
    (void)names, (void)name_lengths, (void)values, (void)value_lengths, (void)count;
    insert *new = calloc(1, sizeof *new);
    if (!new) abort();
    new->of = of;
    static unsigned number;
    sprintf(new->path, "/dev/shm/clickhouse-25.8-%d-%u", getpid(), __atomic_add_fetch(&number, 1, __ATOMIC_SEQ_CST));
    new->file = fopen(new->path, "wb");
    if (!new->file) abort();
    append(&new->sql, sql, length);
    append(&new->sql, " FROM INFILE '", 14);
    append(&new->sql, new->path, strlen(new->path));
    append(&new->sql, "' COMPRESSION 'none' FORMAT ", 28);
    append(&new->sql, format, format_length);
    return new;
}
int chdb_stream_append(insert *into, const void *bytes, size_t length) { return fwrite(bytes, 1, length, into->file) == length ? 0 : 1; }
answer *chdb_stream_done(insert *into) {
    fclose(into->file);
    into->file = NULL;
    return wrap(execute(into->of, into->sql, strlen(into->sql), "Null", 4, NULL, NULL, NULL, NULL, 0), NULL);
}
const char *chdb_stream_insert_error(insert *into) { (void)into; return NULL; }
void chdb_destroy_insert_stream(insert *into) {
    if (into->file) fclose(into->file);
    unlink(into->path);
    free(into->sql);
    free(into);
}
