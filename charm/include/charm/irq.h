/* Device interrupts, by global interrupt number (ACPI's GSI; ISA interrupts are translated by irq_of_isa). */
#ifndef CHARM_IRQ_H
#define CHARM_IRQ_H

#include "abi/types.h"

#define IRQ_LIMIT 64

bool irq_route(unsigned irq, unsigned cpu);  /* to one CPU, masked; false: no such interrupt */
void irq_mask(unsigned irq);
void irq_unmask(unsigned irq);
unsigned irq_of_isa(unsigned isa);           /* 0..15 -> global number */

#endif
