//go:build !linux

package tokenizer

import "time"

var start = time.Now()

// busy is the time that passes.
func busy() time.Duration { return time.Since(start) }
