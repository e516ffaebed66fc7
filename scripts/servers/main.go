// Command servers starts a Redis and a MySQL-compatible database with an empty
// schema for a script, as the tests come by theirs, and prints where they are, the
// Redis URL on one line and the DSN on the next. When its standard input ends, so
// do they.
package main

import (
	"fmt"
	"io"
	"os"

	"frontrow/internal/testenv"
)

func main() {
	err := run(os.Stdin, os.Stdout)
	testenv.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	redis, err := testenv.RunRedis()
	if err != nil {
		return err
	}
	dsn, err := testenv.RunMySQL()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s\n%s\n", redis, dsn); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}
