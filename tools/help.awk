# Lists the commands of the Makefile by group: `make help`, and `make help-all`.

BEGIN {
    count = split("use develop measure release", groups, " ")
    title["use"] = "Use"
    title["develop"] = "Develop"
    title["measure"] = "Measure"
    title["release"] = "Release"
}

/^[a-z-]+:.*##[+]? [a-z]+: / {
    if (!all && /##[+] /)
        next
    name = $0
    sub(/:.*/, "", name)
    text = $0
    sub(/.*##[+]? /, "", text)
    group = text
    sub(/:.*/, "", group)
    sub(/^[a-z]+: /, "", text)
    lines[group] = lines[group] sprintf("  %-16s %s\n", name, text)
}

END {
    for (i = 1; i <= count; i++)
        printf "%s%s\n%s", (i > 1 ? "\n" : ""), title[groups[i]], lines[groups[i]]
    if (!all)
        print "\n`make help-all` lists the commands that few people need, too."
}
