package assistant

import "strings"

// Architecture is the file's name of it, "llama".
func (a *Assistant) Architecture() string {
	name, _ := a.file.String("general.architecture") // was needed to load it
	return strings.Clone(name)                       // outlives the file
}

// Types counts the file's tensors of each type.
func (a *Assistant) Types() string { return a.file.Types() }
