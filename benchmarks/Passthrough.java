import com.sun.management.OperatingSystemMXBean;
import java.io.FileInputStream;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * The router's writes in Kafka Streams, exactly_once_v2, without a single check: arguments are a file of settings, the
 * source topic, the records in it, how many of them warm the machine up, the sizes of a notice, an audit entry and a
 * stream's state in bytes, the records of a batch, and the topics of notices, audit, streams and feeds. Prints records
 * a second and microseconds of processor time a record, once the last one's position is committed.
 */
public class Passthrough {
    static final AtomicLong seen = new AtomicLong();
    static volatile long begun;
    static volatile long cpu;

    record Shape(int notice, int entry, int state, int batch, int feeds) {}

    static class Fan implements Processor<byte[], byte[], byte[], byte[]> {
        private final Shape shape;
        private final long warm;
        private ProcessorContext<byte[], byte[]> context;

        Fan(Shape shape, long warm) {
            this.shape = shape;
            this.warm = warm;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
        }

        @Override
        public void process(Record<byte[], byte[]> in) {
            long number = seen.incrementAndGet();
            if (number == warm + 1) {
                begun = System.nanoTime();
                cpu = cpuTime();
            }
            Headers headers = headers();
            for (int feed = 0; feed < shape.feeds(); feed++) {
                context.forward(in.withHeaders(headers), "feed" + feed);
            }
            context.forward(in.withValue(new byte[shape.notice()]).withHeaders(headers), "told");
            for (int entry = 0; entry <= shape.feeds(); entry++) {
                context.forward(in.withValue(new byte[shape.entry()]).withHeaders(new RecordHeaders()), "audit");
            }
            if (number % shape.batch() == 0) {
                for (int state = 0; state < 2; state++) {
                    context.forward(in.withValue(new byte[shape.state()]).withHeaders(new RecordHeaders()), "streams");
                }
            }
        }
    }

    static Headers headers() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("ce_specversion", "1.0".getBytes());
        headers.add("ce_id", new byte[32]);
        headers.add("ce_source", "/notifier/hub".getBytes());
        headers.add("ce_type", "org.notifier.delivery.v1".getBytes());
        headers.add("content-type", "application/vnd.notifier.feed.v1".getBytes());
        headers.add("traceparent", new byte[55]);
        return headers;
    }

    static long cpuTime() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    public static void main(String[] given) throws Exception {
        Properties settings = new Properties();
        try (FileInputStream file = new FileInputStream(given[0])) {
            settings.load(file);
        }
        String source = given[1];
        long count = Long.parseLong(given[2]);
        long warm = Long.parseLong(given[3]);
        List<String> topics = List.of(given).subList(8, given.length);
        int feeds = topics.size() - 3;
        Shape shape = new Shape(
            Integer.parseInt(given[4]), Integer.parseInt(given[5]), Integer.parseInt(given[6]),
            Integer.parseInt(given[7]), feeds);

        Topology topology = new Topology();
        topology.addSource("in", new ByteArrayDeserializer(), new ByteArrayDeserializer(), source);
        topology.addProcessor("fan", () -> new Fan(shape, warm), "in");
        List<String> fixed = List.of("told", "audit", "streams");
        for (int index = 0; index < topics.size(); index++) {
            String name = index < fixed.size() ? fixed.get(index) : "feed" + (index - fixed.size());
            topology.addSink(name, topics.get(index), new ByteArraySerializer(), new ByteArraySerializer(), "fan");
        }
        try (KafkaStreams streams = new KafkaStreams(topology, settings); Admin admin = Admin.create(settings)) {
            streams.start();
            TopicPartition place = new TopicPartition(source, 0);
            long committed = 0;
            while (committed < count) {
                Thread.sleep(20);
                OffsetAndMetadata found = admin.listConsumerGroupOffsets(settings.getProperty("application.id"))
                    .partitionsToOffsetAndMetadata().get().get(place);
                committed = found == null ? 0 : found.offset();
            }
            double seconds = (System.nanoTime() - begun) / 1e9;
            double each = (cpuTime() - cpu) / 1e3 / (count - warm);
            System.out.println((count - warm) / seconds + " " + each);
        }
    }
}
