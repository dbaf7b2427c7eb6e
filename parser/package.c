/* package.c - finding the package's folder and the files of its modules. */
#include "parser/package.h"

#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/process.h"

static bool is_package(struct arena *arena, const char *dir) {
    return file_exists(path_join(arena, dir, "__init__.py"));
}

const char *package_around(struct arena *arena, const char *path) {
    const char *root = NULL;
    char *dir = path_dir(arena, path_absolute(arena, path));
    while (is_package(arena, dir)) {
        root = dir;
        dir = path_dir(arena, dir);
        if (strcmp(root, dir) == 0) /* an __init__.py in "/" */
            break;
    }
    return root;
}

/* A package that a folder may be, or hold. */
static const char *package_under(struct arena *arena, const char *dir) {
    static const char *const below[] = {"", "transformers", "src/transformers"};
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        const char *root = below[i][0] ? path_join(arena, dir, below[i]) : dir;
        if (is_package(arena, root) && dir_exists(path_join(arena, root, "models")))
            return path_dir(arena, path_absolute(arena, path_join(arena, root, "__init__.py")));
    }
    return NULL;
}

const char *package_in(struct arena *arena, struct diags *diags, const char *dir) {
    const char *root = package_under(arena, dir);
    if (root != NULL)
        return root;
    struct diag *diag = diag_at(
        diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: there is no transformers package here", dir);
    diag_help(diags, diag, "give the folder that holds __init__.py and models/, or the one around it");
    return NULL;
}

const char *package_of_python(struct arena *arena) {
    static const char *const pythons[] = {"python3", "python"};
    static const char code[] = "import importlib.util as u\n"
                               "print(u.find_spec('transformers').submodule_search_locations[0], end='')";
    for (size_t i = 0; i < sizeof pythons / sizeof pythons[0]; i++) {
        char *dir = process_output(arena, (const char *const[]){pythons[i], "-c", code, NULL});
        if (dir != NULL && *dir != '\0' && is_package(arena, dir))
            return dir;
    }
    return NULL;
}

const char *package_module_path(struct arena *arena, const char *root, const char *module) {
    size_t own = strlen(path_base(root));
    if (strncmp(module, path_base(root), own) != 0 || (module[own] != '.' && module[own] != '\0'))
        return NULL;
    char *path = arena_printf(arena, "%s%s", root, module + own);
    for (char *at = path + strlen(root); *at != '\0'; at++)
        if (*at == '.')
            *at = '/';
    const char *file = arena_printf(arena, "%s.py", path);
    if (file_exists(file))
        return file;
    file = path_join(arena, path, "__init__.py");
    return file_exists(file) ? file : NULL;
}
