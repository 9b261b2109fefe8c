package main

import _ "embed"

// notice credits the data that the built-in models learned from; it travels
// with the packages.
//
//go:embed NOTICE
var notice []byte
