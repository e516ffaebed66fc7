package testenv

// RunRedis starts a Redis for a program that is no test, such as the benchmark, as
// OwnRedis does for a test. Close ends it.
func RunRedis(args ...string) (url string, err error) {
	server, url, err := newRedis(args)
	if err != nil {
		return "", err
	}
	atExit(server.discard)
	return url, nil
}

// RunMySQL starts a MySQL-compatible server with an empty database for a program
// that is no test. Close ends it.
func RunMySQL(args ...string) (dsn string, err error) {
	server, dsn, err := newMySQL(args)
	if err != nil {
		return "", err
	}
	atExit(server.discard)
	if err := execute(dsn, createDatabase("frontrow")); err != nil {
		return "", err
	}
	return inDatabase(dsn, "frontrow"), nil
}

// Close ends what RunRedis and RunMySQL started, and removes what it wrote.
func Close() { closeAll() }
