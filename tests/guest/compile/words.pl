use strict;
use warnings;

my @syllables = qw(ba ry on cha rm stra nge);
my %seen;
for my $first (@syllables) {
	$seen{"$first$_"}++ for @syllables;
}
my @words = sort keys %seen;
print "#include \"count.h\"\n\nconst char *const words[] = {\n";
print map { "\t\"$_\",\n" } @words;
print "};\n\nconst size_t words_count = ", scalar @words, ";\n";
