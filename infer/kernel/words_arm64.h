// Instructions that Go's assembler does not know. Each macro takes register
// numbers in Go's order, destination last. The comment before it is the
// instruction in the architecture's own syntax, with d, n and m for the
// numbers; words_test.go encodes the comments and compares.

// sdot vd.4s, vn.16b, vm.16b
#define SDOT(m, n, d) WORD $(0x4e809400 | (m)<<16 | (n)<<5 | (d))

// sdot vd.4s, vn.16b, vm.4b[0]
#define SDOT0(m, n, d) WORD $(0x4f80e000 | (m)<<16 | (n)<<5 | (d))

// sdot vd.4s, vn.16b, vm.4b[1]
#define SDOT1(m, n, d) WORD $(0x4fa0e000 | (m)<<16 | (n)<<5 | (d))

// sdot vd.4s, vn.16b, vm.4b[2]
#define SDOT2(m, n, d) WORD $(0x4f80e800 | (m)<<16 | (n)<<5 | (d))

// sdot vd.4s, vn.16b, vm.4b[3]
#define SDOT3(m, n, d) WORD $(0x4fa0e800 | (m)<<16 | (n)<<5 | (d))

// smmla vd.4s, vn.16b, vm.16b
#define SMMLA(m, n, d) WORD $(0x4e80a400 | (m)<<16 | (n)<<5 | (d))

// smull vd.8h, vn.8b, vm.8b
#define SMULL(m, n, d) WORD $(0x0e20c000 | (m)<<16 | (n)<<5 | (d))

// smull2 vd.8h, vn.16b, vm.16b
#define SMULL2(m, n, d) WORD $(0x4e20c000 | (m)<<16 | (n)<<5 | (d))

// smlal vd.8h, vn.8b, vm.8b
#define SMLAL(m, n, d) WORD $(0x0e208000 | (m)<<16 | (n)<<5 | (d))

// smlal2 vd.8h, vn.16b, vm.16b
#define SMLAL2(m, n, d) WORD $(0x4e208000 | (m)<<16 | (n)<<5 | (d))

// sadalp vd.4s, vn.8h
#define SADALP(n, d) WORD $(0x4e606800 | (n)<<5 | (d))

// saddlp vd.8h, vn.16b
#define SADDLPB(n, d) WORD $(0x4e202800 | (n)<<5 | (d))

// saddlp vd.4s, vn.8h
#define SADDLPH(n, d) WORD $(0x4e602800 | (n)<<5 | (d))

// sqxtn vd.4h, vn.4s
#define SQXTNS(n, d) WORD $(0x0e614800 | (n)<<5 | (d))

// sqxtn2 vd.8h, vn.4s
#define SQXTN2S(n, d) WORD $(0x4e614800 | (n)<<5 | (d))

// sqxtn vd.8b, vn.8h
#define SQXTNH(n, d) WORD $(0x0e214800 | (n)<<5 | (d))

// sqxtn2 vd.16b, vn.8h
#define SQXTN2H(n, d) WORD $(0x4e214800 | (n)<<5 | (d))

// smax vd.4s, vn.4s, vm.4s
#define SMAX(m, n, d) WORD $(0x4ea06400 | (m)<<16 | (n)<<5 | (d))

// umax vd.4s, vn.4s, vm.4s
#define UMAX(m, n, d) WORD $(0x6ea06400 | (m)<<16 | (n)<<5 | (d))

// umaxv sd, vn.4s
#define UMAXV(n, d) WORD $(0x6eb0a800 | (n)<<5 | (d))

// scvtf vd.4s, vn.4s
#define SCVTF(n, d) WORD $(0x4e21d800 | (n)<<5 | (d))

// scvtf vd.4s, vn.4s, #24
#define SCVTF24(n, d) WORD $(0x4f28e400 | (n)<<5 | (d))

// fcvtas vd.4s, vn.4s
#define FCVTAS(n, d) WORD $(0x4e21c800 | (n)<<5 | (d))

// fcvtns vd.4s, vn.4s
#define FCVTNS(n, d) WORD $(0x4e21a800 | (n)<<5 | (d))

// frintn vd.4s, vn.4s
#define FRINTN(n, d) WORD $(0x4e218800 | (n)<<5 | (d))

// fcvtl vd.4s, vn.4h
#define FCVTL(n, d) WORD $(0x0e217800 | (n)<<5 | (d))

// fcvtl2 vd.4s, vn.8h
#define FCVTL2(n, d) WORD $(0x4e217800 | (n)<<5 | (d))

// shll vd.4s, vn.4h, #16
#define SHLL(n, d) WORD $(0x2e613800 | (n)<<5 | (d))

// shll2 vd.4s, vn.8h, #16
#define SHLL2(n, d) WORD $(0x6e613800 | (n)<<5 | (d))

// fcvtn vd.4h, vn.4s
#define FCVTN(n, d) WORD $(0x0e216800 | (n)<<5 | (d))

// fcvtn2 vd.8h, vn.4s
#define FCVTN2(n, d) WORD $(0x4e216800 | (n)<<5 | (d))

// fadd vd.4s, vn.4s, vm.4s
#define FADD(m, n, d) WORD $(0x4e20d400 | (m)<<16 | (n)<<5 | (d))

// fsub vd.4s, vn.4s, vm.4s
#define FSUB(m, n, d) WORD $(0x4ea0d400 | (m)<<16 | (n)<<5 | (d))

// fmul vd.4s, vn.4s, vm.4s
#define FMUL(m, n, d) WORD $(0x6e20dc00 | (m)<<16 | (n)<<5 | (d))

// fdiv vd.4s, vn.4s, vm.4s
#define FDIV(m, n, d) WORD $(0x6e20fc00 | (m)<<16 | (n)<<5 | (d))

// fmax vd.4s, vn.4s, vm.4s
#define FMAX(m, n, d) WORD $(0x4e20f400 | (m)<<16 | (n)<<5 | (d))

// fmin vd.4s, vn.4s, vm.4s
#define FMIN(m, n, d) WORD $(0x4ea0f400 | (m)<<16 | (n)<<5 | (d))

// fcmge vd.4s, vn.4s, vm.4s
#define FCMGE(m, n, d) WORD $(0x6e20e400 | (m)<<16 | (n)<<5 | (d))

// faddp vd.4s, vn.4s, vm.4s
#define FADDP(m, n, d) WORD $(0x6e20d400 | (m)<<16 | (n)<<5 | (d))

// fmaxv sd, vn.4s
#define FMAXV(n, d) WORD $(0x6e30f800 | (n)<<5 | (d))

// fmla vd.4s, vn.4s, vm.4s
#define FMLA(m, n, d) WORD $(0x4e20cc00 | (m)<<16 | (n)<<5 | (d))

// fmla vd.4s, vn.4s, vm.s[0]
#define FMLA0(m, n, d) WORD $(0x4f801000 | (m)<<16 | (n)<<5 | (d))

// fmla vd.4s, vn.4s, vm.s[1]
#define FMLA1(m, n, d) WORD $(0x4fa01000 | (m)<<16 | (n)<<5 | (d))

// fmla vd.4s, vn.4s, vm.s[2]
#define FMLA2(m, n, d) WORD $(0x4f801800 | (m)<<16 | (n)<<5 | (d))

// fmla vd.4s, vn.4s, vm.s[3]
#define FMLA3(m, n, d) WORD $(0x4fa01800 | (m)<<16 | (n)<<5 | (d))

// fmls vd.4s, vn.4s, vm.s[0]
#define FMLS0(m, n, d) WORD $(0x4f805000 | (m)<<16 | (n)<<5 | (d))

// fmls vd.4s, vn.4s, vm.s[1]
#define FMLS1(m, n, d) WORD $(0x4fa05000 | (m)<<16 | (n)<<5 | (d))

// fmls vd.4s, vn.4s, vm.s[2]
#define FMLS2(m, n, d) WORD $(0x4f805800 | (m)<<16 | (n)<<5 | (d))

// fmls vd.4s, vn.4s, vm.s[3]
#define FMLS3(m, n, d) WORD $(0x4fa05800 | (m)<<16 | (n)<<5 | (d))

// fmul vd.4s, vn.4s, vm.s[0]
#define FMUL0(m, n, d) WORD $(0x4f809000 | (m)<<16 | (n)<<5 | (d))

// fmul vd.4s, vn.4s, vm.s[1]
#define FMUL1(m, n, d) WORD $(0x4fa09000 | (m)<<16 | (n)<<5 | (d))

// fmul vd.4s, vn.4s, vm.s[2]
#define FMUL2(m, n, d) WORD $(0x4f809800 | (m)<<16 | (n)<<5 | (d))

// fmul vd.4s, vn.4s, vm.s[3]
#define FMUL3(m, n, d) WORD $(0x4fa09800 | (m)<<16 | (n)<<5 | (d))
