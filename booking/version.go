package booking

import "context"

type versionKey struct{}

// IfVersion has changes of a show that are made with the context refused, by ErrChanged,
// unless its RulesVersion still is this one. A context and not a parameter, as for
// WithActor: most changes are made by whoever comes last.
func IfVersion(ctx context.Context, version int64) context.Context {
	return context.WithValue(ctx, versionKey{}, version)
}

// isStale tells whether a change was meant for another version of a show.
func isStale(ctx context.Context, version int64) bool {
	want, given := ctx.Value(versionKey{}).(int64)
	return given && want != version
}
