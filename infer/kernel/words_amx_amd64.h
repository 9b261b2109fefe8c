// AMX, which Go's assembler does not know. Each macro takes register numbers in
// Go's order, destination last; bases are not BP, SP, R12 or R13, which are encoded
// in another way. The comment before it is the instruction in Intel's syntax, with
// the parameters' names for the numbers; words_amx_test.go encodes the comments and
// compares.

// ldtilecfg [rb]
#define LDTILECFG(b) BYTE $0xc4; LONG $(0x004978e2 ^ ((b)&7)<<24 ^ ((b)>>3)<<5)

// tilerelease
#define TILERELEASE BYTE $0xc4; LONG $0xc04978e2

// tilezero tmmd
#define TILEZERO(d) BYTE $0xc4; LONG $(0xc0497be2 ^ (d)<<27)

// tileloadd tmmd, [rb + ri]
#define TILELOADD(b, i, d) BYTE $0xc4; LONG $(0x044b7be2 ^ ((b)>>3)<<5 ^ ((i)>>3)<<6 ^ (d)<<27); BYTE $(((i)&7)<<3 ^ (b)&7)

// tilestored [rb + ri], tmmd
#define TILESTORED(d, b, i) BYTE $0xc4; LONG $(0x044b7ae2 ^ ((b)>>3)<<5 ^ ((i)>>3)<<6 ^ (d)<<27); BYTE $(((i)&7)<<3 ^ (b)&7)

// tdpbssd tmmd, tmmm, tmmn
#define TDPBSSD(n, m, d) BYTE $0xc4; LONG $(0xc05e7be2 ^ (n)<<11 ^ (m)<<24 ^ (d)<<27)

// tdpbsud tmmd, tmmm, tmmn
#define TDPBSUD(n, m, d) BYTE $0xc4; LONG $(0xc05e7ae2 ^ (n)<<11 ^ (m)<<24 ^ (d)<<27)
