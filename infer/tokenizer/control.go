package tokenizer

// IsControl reports whether id is a control token, which has no text in
// [Tokenizer.Decode] and in a [Stream].
func (t *Tokenizer) IsControl(id int32) bool { return t.has(id) && t.kind(id) == control }
