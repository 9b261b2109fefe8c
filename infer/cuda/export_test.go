//go:build cuda

package cuda

// Extract is extract, for tests of all families.
var Extract = extract
