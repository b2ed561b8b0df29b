//! What a plugin is introduced to: the host's name, the objects it makes for plugins, which interfaces it knows, a run loop,
//! and queues of data. Holds nothing of a plugin but what these do; any thread may call it.

use std::ffi::c_void;

use vst3::Steinberg::Linux::IRunLoop;
use vst3::Steinberg::Vst::ChannelContext::IInfoListener;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::com_scrape_types::Guid;
use vst3::{Class, ComWrapper, Interface};

use super::exchange::Exchange;
use super::message::{AttributeList, Message};
use super::run_loop::{RunLoop, is_run_loop};
use super::text::to_string128;

/// What plugins show as their host.
const NAME: &str = "Crosspoint";

/// The context that plugins and factories are given.
pub(crate) struct HostContext {
    /// For what plugins wait for with or without a window.
    pub(crate) run_loop: RunLoop,
    /// For what a plugin's audio half hands to its controller.
    pub(crate) exchange: Exchange,
}

impl HostContext {
    pub(crate) fn new() -> ComWrapper<Self> {
        ComWrapper::new(Self { run_loop: RunLoop::default(), exchange: Exchange::new() })
    }
}

impl Class for HostContext {
    type Interfaces = (IHostApplication, IPlugInterfaceSupport, IRunLoop, IDataExchangeHandler);
}

is_run_loop!(HostContext);

impl IHostApplicationTrait for HostContext {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        if name.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the plugin hands over room for the name.
        unsafe { name.write_unaligned(to_string128(NAME)) };
        kResultOk
    }

    unsafe fn createInstance(&self, class: *mut TUID, interface: *mut TUID, object: *mut *mut c_void) -> tresult {
        if class.is_null() || interface.is_null() || object.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the plugin hands over two ids and room for a pointer.
        let (class, interface) = unsafe { (guid(class), guid(interface)) };
        let made = if class == IMessage::IID && IMessage::inherits(&interface) {
            Message::new().to_com_ptr::<IMessage>().map(|message| message.into_raw().cast::<c_void>())
        } else if class == IAttributeList::IID && IAttributeList::inherits(&interface) {
            AttributeList::of([]).to_com_ptr::<IAttributeList>().map(|list| list.into_raw().cast::<c_void>())
        } else {
            None
        };
        // SAFETY: as above. The reference that was made is the plugin's.
        unsafe { object.write_unaligned(made.unwrap_or(std::ptr::null_mut())) };
        if made.is_some() { kResultOk } else { kNoInterface }
    }
}

/// # Safety
/// `id` leads to an id.
unsafe fn guid(id: *const TUID) -> Guid {
    // SAFETY: promised by the caller.
    unsafe { id.cast::<Guid>().read_unaligned() }
}

/// The interfaces of plugins that this host makes use of.
const USED: &[Guid] = &[
    IPluginBase::IID,
    IPluginFactory::IID,
    IPluginFactory2::IID,
    IPluginFactory3::IID,
    IComponent::IID,
    IAudioPresentationLatency::IID,
    IAudioProcessor::IID,
    IEditController::IID,
    IEditController2::IID,
    IConnectionPoint::IID,
    IDataExchangeReceiver::IID,
    IInfoListener::IID,
    IKeyswitchController::IID,
    IMidiLearn::IID,
    IMidiMapping::IID,
    INoteExpressionController::IID,
    INoteExpressionPhysicalUIMapping::IID,
    IPlugView::IID,
    IPlugViewContentScaleSupport::IID,
    IPrefetchableSupport::IID,
    IProcessContextRequirements::IID,
    IProgramListData::IID,
    IRemapParamID::IID,
    IUnitInfo::IID,
    IXmlRepresentationController::IID,
];

impl IPlugInterfaceSupportTrait for HostContext {
    unsafe fn isPlugInterfaceSupported(&self, interface: *const TUID) -> tresult {
        if interface.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the plugin hands over an id.
        if USED.contains(&unsafe { guid(interface) }) { kResultTrue } else { kResultFalse }
    }
}

impl IDataExchangeHandlerTrait for HostContext {
    unsafe fn openQueue(
        &self,
        _processor: *mut IAudioProcessor,
        block_size: u32,
        blocks: u32,
        alignment: u32,
        user_context: DataExchangeUserContextID,
        to: *mut DataExchangeQueueID,
    ) -> tresult {
        // SAFETY: the plugin hands over room for the id.
        unsafe { self.exchange.open_queue((block_size, blocks, alignment), user_context, to) }
    }

    unsafe fn closeQueue(&self, id: DataExchangeQueueID) -> tresult {
        self.exchange.close_queue(id)
    }

    unsafe fn lockBlock(&self, id: DataExchangeQueueID, to: *mut DataExchangeBlock) -> tresult {
        // SAFETY: the plugin hands over room for the block.
        unsafe { self.exchange.lock_block(id, to) }
    }

    unsafe fn freeBlock(&self, id: DataExchangeQueueID, block: DataExchangeBlockID, send: TBool) -> tresult {
        self.exchange.free_block(id, block, send != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vst3::ComPtr;

    fn id(interface: &Guid) -> TUID {
        interface.map(|byte| byte as std::ffi::c_char)
    }

    /// Messages and lists are made, with one reference for the plugin; anything else is refused.
    #[test]
    fn makes_messages_and_attribute_lists() {
        let host = HostContext::new();
        let make = |class: &Guid, interface: &Guid| {
            let mut object = std::ptr::dangling_mut::<c_void>();
            // SAFETY: the ids and the room are valid.
            let result = unsafe { host.createInstance(&mut id(class), &mut id(interface), &mut object) };
            (result, object)
        };
        let (result, object) = make(&IMessage::IID, &IMessage::IID);
        assert_eq!(result, kResultOk);
        // SAFETY: the object is a message with a reference for us; what it lends lives as long as it.
        unsafe {
            let message = ComPtr::from_raw(object.cast::<IMessage>()).unwrap();
            message.setMessageID(c"hello".as_ptr());
            assert_eq!(super::super::text::narrow_at(message.getMessageID()), "hello");
            let list = vst3::ComRef::from_raw(message.getAttributes()).unwrap();
            let mut value = 0;
            assert_eq!((list.setInt(c"a".as_ptr(), 4), list.getInt(c"a".as_ptr(), &mut value)), (0, 0));
            assert_eq!(value, 4);
        }
        assert_eq!(make(&IComponent::IID, &IComponent::IID), (kNoInterface, std::ptr::null_mut()));
    }

    /// What is made comes with one reference, which is the plugin's to give back; what a message lends comes with none.
    #[test]
    fn references_are_those_that_the_interface_says() {
        let host = HostContext::new();
        let mut object = std::ptr::null_mut();
        // SAFETY: the ids and the room are valid; the object is a message that lives until its only reference is given back.
        unsafe {
            host.createInstance(&mut id(&IMessage::IID), &mut id(&IMessage::IID), &mut object);
            let message = object.cast::<IMessage>();
            let count = |object: *mut FUnknown| {
                ((*(*object).vtbl).addRef)(object);
                ((*(*object).vtbl).release)(object)
            };
            assert_eq!(count(message.cast()), 1);
            let list = ((*(*message).vtbl).getAttributes)(message);
            let before = count(list.cast());
            assert_eq!(((*(*message).vtbl).getAttributes)(message), list);
            assert_eq!(count(list.cast()), before);
            drop(ComPtr::from_raw(message));
        }
    }

    /// The bindings take objects for good that only one thread may touch; a plugin calls them from any.
    #[test]
    fn objects_that_plugins_call_from_any_thread_can_be() {
        fn is_for_all<T: Send + Sync>() {}
        is_for_all::<HostContext>();
        is_for_all::<super::super::handler::Handler>();
        is_for_all::<super::super::view::Frame>();
        is_for_all::<super::super::message::Message>();
        is_for_all::<super::super::message::AttributeList>();
        is_for_all::<super::super::stream::Stream>();
        is_for_all::<super::super::connection::End>();
    }

    /// What it says to know is what it asks plugins for; a run loop is no interface of a plugin.
    #[test]
    fn tells_the_truth_about_what_it_uses() {
        let host = HostContext::new();
        // SAFETY: the ids are valid.
        let knows = |interface: &Guid| unsafe { host.isPlugInterfaceSupported(&id(interface)) } == kResultTrue;
        assert!(knows(&IMidiMapping::IID) && knows(&IEditController::IID));
        assert!(knows(&INoteExpressionController::IID) && knows(&IProgramListData::IID));
        assert!(!knows(&IRunLoop::IID) && !knows(&IInterAppAudioHost::IID) && !knows(&IMidiMapping2::IID));
    }
}
