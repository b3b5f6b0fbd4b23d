# Runs one part of the day in a folder of its own: run.sh FILE.
mkdir -p /tmp/day && cd /tmp/day || exit 1
case $1 in
*.sh) bash /day/"$1" ;;
*.py) python3 -u /day/"$1" ;;
*.lua) lua5.4 /day/"$1" ;;
*.sql) sqlite3 x.db </day/"$1" ;;
*.c) tcc -o program /day/"$1" -lpthread -lm && ./program one two; echo $? ;;
esac 2>&1
true
