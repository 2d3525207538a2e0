# Tidies the Swift that uniffi wrote; `generate` calls it. Reads a whole file, writes it back (perl -0777 -i).
use strict;
use warnings;

my $text = <>;

# change(WHAT FOR, TIMES, PATTERN, REPLACEMENT): TIMES 0 is "at least once".
sub change {
    my ($what, $times, $pattern, $replacement) = @_;
    my $found = ($text =~ s/$pattern/$replacement->()/gme) || 0;
    die "tidy.pl: $what: found $found times; has uniffi changed?\n" if $times ? $found != $times : !$found;
}
sub is { my $words = shift; return sub { $words } }

# What a host's error says may hold anything, and nobody reads it on the other side.
change 'what a host throws stays unsaid', 2, qr/String\(describing: error\)/m, is '"the host threw what it does not declare"';
change 'nor does it have a name then', 1, qr/\} catch let error \{/m, is '} catch {';

# Only the API is public.
change 'converters', 0, qr/^public (struct|func|class|enum|protocol|typealias) (FfiConverter|uniffi)/m, sub { "$1 $2" };
change 'Rust behind a protocol', 0, qr/^open class (\w+Impl): /m, sub { "final class $1: " };
change 'objects', 2, qr/^open class (\w+): (\w+Protocol), /m, sub { "public final class $1: $2, " };
change 'methods', 0, qr/^open func /m, is 'public func ';
change 'handles', 0, qr/^    required public init\(unsafeFromHandle/m, is '    init(unsafeFromHandle';
change 'handles', 0, qr/^    public struct NoHandle \{\n        public init/m, is "    struct NoHandle {\n        init";
change 'handles', 0, qr/^    public init\(noHandle/m, is '    init(noHandle';
change 'handles', 0, qr/^    public func uniffiCloneHandle/m, is '    func uniffiCloneHandle';
change 'what errors are made of', 1, qr/^public enum ErrorParts\b/m, is 'enum ErrorParts';
# Fakes in an app's tests implement AuthenticatorProtocol; nobody implements this one.
change 'one implementation', 1, qr/^public protocol CancellationProtocol\b/m, is 'protocol CancellationProtocol';

# Documentation: without examples in Rust, and with links as DocC writes them.
change 'examples', 0, qr/^ *\* ```\n(?: *\*.*\n)*? *\* ```\n(?: *\*\n)?/m, is '';
my (%labels, %upper);
while ($text =~ /^(?:public final class|public protocol|(?:public )?enum) (\w+)\b(.*?)^\}/gms) {
    my ($type, $body) = ($1, $2);
    while ($body =~ /^ *(?:public )?(?:static )?func `?(\w+)`?\((.*?)\)(?:async|throws| |\{)/gm) {
        my ($name, $arguments) = ($1, $2);
        my @arguments = $arguments =~ /(\w+): [^,\[]*(?:\[[^\]]*\])?/g;
        $labels{$type}{$name} //= '(' . join('', map { "$_:" } @arguments) . ')';
    }
    $upper{$type}{$1} = 1 while $body =~ /^ *case ([A-Z]\w*)/gm;
}
my %renamed = ('Error' => 'AuthenticatorError', 'Config::new' => 'Config/at(_:)');
sub camel { my $name = lcfirst shift; $name =~ s/_(\w)/\u$1/g; return $name }
sub link_to {
    my $path = shift =~ s/^(?:crate|Self):://r;
    return "``$renamed{$path}``" if $renamed{$path};
    my ($type, $member) = split /::/, $path;
    $type = $renamed{$type} // $type;
    return "``$type``" unless $member;
    $member = camel($member) unless $upper{$type}{$member};
    return "``$type/$member" . ($labels{$type}{$member} // $labels{"${type}Protocol"}{$member} // '') . '``';
}
$text =~ s{^(\s*\*.*)$}{ my $line = $1; $line =~ s/\[`([\w:]+)`\](?:\([^)]*\))?/link_to($1)/ge; $line =~ s/`((?:crate::)?[A-Z]\w*::[\w:]+)`/link_to($1)/ge; $line =~ s/`None`/`nil`/g; $line }gme;

print $text;
