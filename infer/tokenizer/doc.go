// Package tokenizer turns text into the token ids of a model and back, with
// the vocabulary that a GGUF file carries in its metadata.
//
// Three families of vocabularies are supported: byte-level BPE ("gpt2"),
// SentencePiece BPE ("llama") and WordPiece ("bert"); an unknown family or
// pre-tokenizer is an error that lists the supported ones. Ids are those of
// llama.cpp for the same file, with two differences: of overlapping special
// tokens the leftmost longest wins, as in Hugging Face's tokenizers, and the
// white space beside a special token always stays.
//
// What it promises: Encode never fails and takes O(n log n) on any text, valid
// UTF-8 or not. For byte-level BPE, decoding what Encode(text, false) returned
// is text again. A user's text that went through Defuse never becomes a control
// token of a prompt, wherever a template puts it.
//
// Tokens of a vocabulary with equal text are allowed: Encode uses the first of
// them. Merges whose parts or results are no tokens are allowed too; they are
// applied, and what remains is written byte by byte.
package tokenizer
